import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { NavLink } from 'react-router';
import { useText } from '../text';
import { useEnvironment, usePlace, within } from './environment';

const WIDE = '@media (min-width: 720px)';

const useStyles = makeStyles({
  list: {
    listStyleType: 'none',
    margin: 0,
    padding: tokens.spacingHorizontalS,
    display: 'flex',
    flexWrap: 'wrap',
    gap: tokens.spacingHorizontalXS,
    [WIDE]: { flexDirection: 'column', width: '180px', padding: tokens.spacingHorizontalM },
  },
  link: {
    display: 'block',
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusMedium,
    color: tokens.colorNeutralForeground1,
    textDecorationLine: 'none',
    ':hover': { backgroundColor: tokens.colorNeutralBackground2Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  here: { backgroundColor: tokens.colorNeutralBackground1Selected, fontWeight: tokens.fontWeightSemibold },
});

export function Navigation() {
  const styles = useStyles();
  const text = useText();
  const environment = useEnvironment();
  const { administered } = usePlace();
  const places = [
    { to: '/', title: text.nav.home },
    { to: '/approvals', title: text.nav.approvals },
    { to: within(environment, 'flows'), title: text.nav.flows },
    { to: within(environment, 'connections'), title: text.nav.connections },
    { to: within(environment, 'import'), title: text.nav.import },
    { to: within(environment, 'recycle-bin'), title: text.nav.recycleBin },
    { to: '/absence', title: text.nav.absence },
    ...(administered ? [{ to: within(environment, 'calendars'), title: text.nav.calendars }] : []),
  ];
  return (
    <nav aria-label={text.nav.label}>
      <ul className={styles.list}>
        {places.map(({ to, title }) => (
          <li key={to}>
            <NavLink
              to={to}
              end={to === '/'}
              className={({ isActive }) => mergeClasses(styles.link, isActive && styles.here)}
            >
              {title}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}
