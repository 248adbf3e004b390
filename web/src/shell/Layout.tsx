import { makeStaticStyles, makeStyles, Spinner, tokens } from '@fluentui/react-components';
import { Suspense } from 'react';
import { Outlet, useLocation, useNavigation } from 'react-router';
import { useText } from '../text';
import { Boundary } from './Boundary';
import { Header } from './Header';
import { Navigation } from './Navigation';

const WIDE = '@media (min-width: 720px)';

/** The page reaches the edges of the window. */
const useEdges = makeStaticStyles({ body: { margin: 0 } });

const useStyles = makeStyles({
  skip: {
    position: 'absolute',
    left: '-999px',
    ':focus': { left: tokens.spacingHorizontalS, top: tokens.spacingVerticalS, zIndex: 10 },
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorBrandForegroundLink,
    padding: tokens.spacingHorizontalS,
  },
  page: { minHeight: '100vh', display: 'flex', flexDirection: 'column', backgroundColor: tokens.colorNeutralBackground2 },
  body: { flexGrow: 1, display: 'flex', flexDirection: 'column', [WIDE]: { flexDirection: 'row' } },
  main: {
    flexGrow: 1,
    minWidth: 0,
    padding: tokens.spacingHorizontalM,
    [WIDE]: { padding: tokens.spacingHorizontalXXL },
  },
});

export function Layout() {
  useEdges();
  const styles = useStyles();
  const text = useText();
  const { pathname } = useLocation();
  const isLoading = useNavigation().state === 'loading';
  const waiting = <Spinner label={text.common.loading} />;
  return (
    <div className={styles.page}>
      <a className={styles.skip} href="#content">
        {text.skip}
      </a>
      <Suspense fallback={waiting}>
        <Header />
        <div className={styles.body}>
          <Navigation />
          <main id="content" className={styles.main} tabIndex={-1} aria-busy={isLoading}>
            <Suspense fallback={waiting}>
              <Boundary place={pathname}>
                <Outlet />
              </Boundary>
            </Suspense>
          </main>
        </div>
      </Suspense>
    </div>
  );
}
