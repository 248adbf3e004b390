// Markdown of whoever asks: text, emphasis, lists and links. Markup in it is text, and nothing is
// loaded from anywhere.
import { makeStyles, tokens } from '@fluentui/react-components';
import { memo, type ReactNode } from 'react';
import Markdown, { type Components } from 'react-markdown';

const useStyles = makeStyles({
  text: {
    overflowWrap: 'anywhere',
    // lines stay lines, as letters have them
    '& p': { whiteSpace: 'pre-line' },
    '& > :first-child': { marginTop: 0 },
    '& > :last-child': { marginBottom: 0 },
    '& pre': { whiteSpace: 'pre-wrap' },
    '& code': { fontFamily: tokens.fontFamilyMonospace },
    '& a': { color: tokens.colorBrandForegroundLink },
    '& blockquote': {
      marginLeft: 0,
      paddingLeft: tokens.spacingHorizontalM,
      borderLeft: `2px solid ${tokens.colorNeutralStroke1}`,
    },
  },
});

/** Only what leads to a page or a letter; an address within the console is none of theirs. */
const isSafe = (address: string) => /^(https?:\/\/|mailto:)/i.test(address);

/** The page has its own headings; one of the details is a line that stands out. */
const Heading = ({ children }: { children?: ReactNode }) => (
  <p>
    <strong>{children}</strong>
  </p>
);

const PARTS: Components = {
  h1: Heading,
  h2: Heading,
  h3: Heading,
  h4: Heading,
  h5: Heading,
  h6: Heading,
  a: ({ href, title, children }) =>
    href ? (
      <a href={href} title={title} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    ) : (
      <>{children}</>
    ),
  img: ({ alt }) => <>{alt}</>,
};

function Details({ text }: { text: string }) {
  const styles = useStyles();
  return (
    <div className={styles.text}>
      <Markdown components={PARTS} urlTransform={(address) => (isSafe(address) ? address : '')}>
        {text}
      </Markdown>
    </div>
  );
}

export default memo(Details);
