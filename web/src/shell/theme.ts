import { createContext, useEffect, useState } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof THEMES)[number];

const KEPT = 'sluicegate.theme';
const DARK = '(prefers-color-scheme: dark)';

export const keptTheme = (): ThemeChoice =>
  THEMES.find((theme) => theme === localStorage.getItem(KEPT)) ?? 'system';

export const keepTheme = (theme: ThemeChoice): void => {
  localStorage.setItem(KEPT, theme);
};

export const ThemeContext = createContext<{
  theme: ThemeChoice;
  isDark: boolean;
  choose: (theme: ThemeChoice) => void;
}>({ theme: 'system', isDark: false, choose: () => undefined });

/** Whether the page is to be dark, as chosen or as the system says now. */
export function useIsDark(theme: ThemeChoice): boolean {
  const [systemIsDark, setSystemIsDark] = useState(() => matchMedia(DARK).matches);
  useEffect(() => {
    const query = matchMedia(DARK);
    const follow = () => {
      setSystemIsDark(query.matches);
    };
    query.addEventListener('change', follow);
    return () => {
      query.removeEventListener('change', follow);
    };
  }, []);
  return theme === 'system' ? systemIsDark : theme === 'dark';
}
