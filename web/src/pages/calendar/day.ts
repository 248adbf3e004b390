// Days of the week and of the year, as a language calls them.

/** A Monday. */
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** From Monday to Sunday. */
export function dayNames(language: string, weekday: 'long' | 'short'): string[] {
  const format = new Intl.DateTimeFormat(language, { weekday, timeZone: 'UTC' });
  return Array.from({ length: 7 }, (_, at) => format.format(MONDAY + at * DAY_MS));
}

/** A date like `2026-12-25`; what is none is shown as it is. */
export function dateOf(language: string, date: string): string {
  const time = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(time)) return date;
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(time);
}

/** Zones that there are, that of the calendar among them. */
export function zonesWith(zone: string): string[] {
  const all = new Set(['UTC', zone, ...Intl.supportedValuesOf('timeZone')]);
  return [...all].sort();
}
