import { makeStyles, Select, tokens } from '@fluentui/react-components';
import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useLocation, useNavigate } from 'react-router';
import { environmentsQuery } from '../api/query';
import { useText } from '../text';
import { AccountMenu } from './AccountMenu';
import { useEnvironment, within } from './environment';

const useStyles = makeStyles({
  header: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: tokens.spacingHorizontalM,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    backgroundColor: tokens.colorNeutralBackground1,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  product: {
    color: tokens.colorNeutralForeground1,
    fontWeight: tokens.fontWeightSemibold,
    fontSize: tokens.fontSizeBase500,
    textDecorationLine: 'none',
    flexGrow: 1,
  },
});

/** What is below an environment and makes sense in another one as well. */
const SECTIONS = ['flows', 'connections', 'import', 'recycle-bin', 'calendars'];

export function Header() {
  const styles = useStyles();
  const text = useText();
  const environment = useEnvironment();
  const { data } = useSuspenseQuery(environmentsQuery);
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const go = (chosen: string) => {
    const section = pathname.split('/')[3] ?? '';
    void navigate(within(chosen, SECTIONS.includes(section) ? section : 'flows'));
  };
  return (
    <header className={styles.header}>
      <Link to="/" className={styles.product}>
        Sluicegate
      </Link>
      {data.length > 1 && (
        <Select
          aria-label={text.nav.environment}
          value={environment}
          onChange={(_, chosen) => {
            go(chosen.value);
          }}
        >
          {data.map((it) => (
            <option key={it.name} value={it.name}>
              {it.displayName}
            </option>
          ))}
        </Select>
      )}
      <AccountMenu />
    </header>
  );
}
