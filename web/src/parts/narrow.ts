import { useEffect, useState } from 'react';

/** Where there is no room for a table, nor for a graph. */
export const NARROW = '(max-width: 719px)';

/** Whether there is little room now. */
export function useIsNarrow(): boolean {
  const [isNarrow, setIsNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const follow = () => {
      setIsNarrow(query.matches);
    };
    query.addEventListener('change', follow);
    return () => {
      query.removeEventListener('change', follow);
    };
  }, []);
  return isNarrow;
}
