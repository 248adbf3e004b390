import { FluentProvider, webDarkTheme, webLightTheme } from '@fluentui/react-components';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { RouterProvider } from 'react-router';
import { Refused } from '../api/client';
import { keepLanguage, languageAtFirst, TextContext, type Language } from '../text';
import { router } from './routes';
import { keptTheme, keepTheme, ThemeContext, useIsDark, type ThemeChoice } from './theme';

/** Calls that may succeed when they are made again. */
const isPassing = (error: unknown) => !(error instanceof Refused) || error.status === 429 || error.status >= 502;

const client = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: { queries: { retry: (count, error) => count < 2 && isPassing(error), refetchOnWindowFocus: true } },
});

export function App() {
  const [language, setLanguage] = useState<Language>(languageAtFirst);
  const [theme, setTheme] = useState<ThemeChoice>(keptTheme);
  const isDark = useIsDark(theme);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const chooseLanguage = (chosen: Language) => {
    keepLanguage(chosen);
    setLanguage(chosen);
    // what the server said, it said in the other one
    void client.invalidateQueries();
  };
  const chooseTheme = (chosen: ThemeChoice) => {
    keepTheme(chosen);
    setTheme(chosen);
  };
  return (
    <FluentProvider theme={isDark ? webDarkTheme : webLightTheme}>
      <ThemeContext value={{ theme, isDark, choose: chooseTheme }}>
        <TextContext value={{ language, choose: chooseLanguage }}>
          <QueryClientProvider client={client}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </TextContext>
      </ThemeContext>
    </FluentProvider>
  );
}
