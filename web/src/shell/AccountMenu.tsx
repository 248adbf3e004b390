import {
  Button,
  Menu,
  MenuDivider,
  MenuGroup,
  MenuGroupHeader,
  MenuItem,
  MenuItemLink,
  MenuItemRadio,
  MenuList,
  MenuPopover,
  MenuTrigger,
} from '@fluentui/react-components';
import { useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { use } from 'react';
import { signOut } from '../api/client';
import { meQuery } from '../api/query';
import { LANGUAGES, TextContext, textsOf, useText, type Language } from '../text';
import { THEMES, ThemeContext, type ThemeChoice } from './theme';

export function AccountMenu() {
  const text = useText();
  const { data: me } = useSuspenseQuery(meQuery);
  const { theme, choose: chooseTheme } = use(ThemeContext);
  const { language, choose: chooseLanguage } = use(TextContext);
  const leave = useMutation({ mutationFn: signOut });
  return (
    <Menu
      inline
      checkedValues={{ theme: [theme], language: [language] }}
      onCheckedValueChange={(_, { name, checkedItems: [chosen] }) => {
        if (name === 'theme') chooseTheme(chosen as ThemeChoice);
        else chooseLanguage(chosen as Language);
      }}
    >
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" aria-label={`${text.nav.account}: ${me.displayName ?? ''}`}>
          {me.displayName ?? text.nav.account}
        </Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuGroup>
            <MenuGroupHeader>{text.nav.theme}</MenuGroupHeader>
            {THEMES.map((it) => (
              <MenuItemRadio key={it} name="theme" value={it}>
                {text.nav[it]}
              </MenuItemRadio>
            ))}
          </MenuGroup>
          <MenuDivider />
          <MenuGroup>
            <MenuGroupHeader>{text.nav.languageLabel}</MenuGroupHeader>
            {LANGUAGES.map((it) => (
              <MenuItemRadio key={it} name="language" value={it} lang={it}>
                {textsOf(it).language}
              </MenuItemRadio>
            ))}
          </MenuGroup>
          <MenuDivider />
          <MenuItemLink href="/account/second-factor">{text.nav.secondFactor}</MenuItemLink>
          <MenuItemLink href="/account/passkeys">{text.nav.passkeys}</MenuItemLink>
          <MenuItem
            onClick={() => {
              leave.mutate();
            }}
          >
            {text.nav.signOut}
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
