import { useSuspenseQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useParams } from 'react-router';
import { environmentsQuery } from '../api/query';

const KEPT = 'sluicegate.environment';

/** The environment of this page; on pages of none, the one looked at last. */
export function useEnvironment(): string {
  const { environment } = useParams();
  const { data } = useSuspenseQuery(environmentsQuery);
  useEffect(() => {
    if (environment) localStorage.setItem(KEPT, environment);
  }, [environment]);
  if (environment) return environment;
  const kept = localStorage.getItem(KEPT);
  return (data.find((it) => it.name === kept) ?? data.find((it) => it.isDefault) ?? data[0])?.name ?? 'default';
}

/** What somebody has to do with the environment of this page. */
export function usePlace(): { takesPart: boolean; administered: boolean } {
  const environment = useEnvironment();
  const { data } = useSuspenseQuery(environmentsQuery);
  return data.find((it) => it.name === environment) ?? { takesPart: true, administered: false };
}

/** The address of a page of an environment; names may hold anything. */
export const within = (environment: string, ...segments: string[]): string =>
  ['/environments', environment, ...segments].map((it, at) => (at === 0 ? it : encodeURIComponent(it))).join('/');
