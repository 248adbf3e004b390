import { createContext, useContext } from 'react';
import { de } from './de';
import { en, type Texts } from './en';

const CATALOGUES = { en, de };

export type { Texts };

export type Language = keyof typeof CATALOGUES;
export const LANGUAGES = Object.keys(CATALOGUES) as Language[];
export const textsOf = (language: Language): Texts => CATALOGUES[language];

const KEPT = 'sluicegate.language';

let shown: Language = 'en';

/** The language that is shown, for what is no part of a page. */
export const languageShown = (): Language => shown;

/** What was chosen, else the first of the browser's languages that there is. */
export function languageAtFirst(): Language {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages];
  const known = wanted.map((name) => name?.slice(0, 2)).find((name) => LANGUAGES.some((it) => it === name));
  shown = (known as Language | undefined) ?? 'en';
  return shown;
}

export const keepLanguage = (language: Language): void => {
  shown = language;
  localStorage.setItem(KEPT, language);
};

export const TextContext = createContext<{ language: Language; choose: (language: Language) => void }>({
  language: 'en',
  choose: () => undefined,
});

export const useText = (): Texts => textsOf(useContext(TextContext).language);

/** Times and numbers as the language writes them. */
export function useFormat() {
  const { language } = useContext(TextContext);
  const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
  const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  return {
    language,
    time: (text: string | null | undefined) => (text ? time.format(new Date(text)) : ''),
    day: (date: Date) => day.format(date),
    number: (value: number) => number.format(value),
    duration: (from: string, to: string | null | undefined) => {
      const ms = (to ? Date.parse(to) : Date.now()) - Date.parse(from);
      if (ms < 1_000) return `${number.format(ms)} ms`;
      if (ms < 120_000) return `${number.format(ms / 1_000)} s`;
      return ms < 7_200_000 ? `${number.format(ms / 60_000)} min` : `${number.format(ms / 3_600_000)} h`;
    },
  };
}
