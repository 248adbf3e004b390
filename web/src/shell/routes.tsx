import { createBrowserRouter } from 'react-router';
import { Layout } from './Layout';
import { NotFound, PageFailed } from './Fallback';

// Each page is loaded when somebody goes there first.
const page = (load: () => Promise<{ Page: React.ComponentType }>) => async () => ({ Component: (await load()).Page });

export const router = createBrowserRouter(
  [
    {
      path: '/',
      element: <Layout />,
      errorElement: <PageFailed />,
      hydrateFallbackElement: <></>,
      children: [
        { index: true, lazy: page(() => import('../pages/Home')) },
        { path: 'environments/:environment/flows', lazy: page(() => import('../pages/Flows')) },
        { path: 'environments/:environment/flows/:name', lazy: page(() => import('../pages/Flow')) },
        { path: 'environments/:environment/import', lazy: page(() => import('../pages/Import')) },
        { path: 'environments/:environment/recycle-bin', lazy: page(() => import('../pages/RecycleBin')) },
        { path: 'environments/:environment/connections', lazy: page(() => import('../pages/Connections')) },
        { path: 'environments/:environment/connections/new', lazy: page(() => import('../pages/NewConnection')) },
        { path: 'environments/:environment/calendars', lazy: page(() => import('../pages/Calendars')) },
        { path: 'absence', lazy: page(() => import('../pages/Absence')) },
        { path: 'approvals', lazy: page(() => import('../pages/Approvals')) },
        { path: 'approvals/:id', lazy: page(() => import('../pages/Approval')) },
        { path: 'runs/:id', lazy: page(() => import('../pages/Run')) },
        { path: '*', element: <NotFound /> },
      ],
    },
  ],
  { basename: '/console' },
);
