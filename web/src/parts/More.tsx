import { Button } from '@fluentui/react-components';
import { useText } from '../text';

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** The next page of a list, when there is one. */
export function More({ query }: { query: Paged }) {
  const text = useText();
  if (!query.hasNextPage) return null;
  return (
    <div>
      <Button disabledFocusable={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {query.isFetchingNextPage ? text.common.loading : text.common.more}
      </Button>
    </div>
  );
}
