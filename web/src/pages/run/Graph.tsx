import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import {
  Background,
  Controls,
  Handle,
  Position,
  ReactFlow,
  type AriaLabelConfig,
  type Edge,
  type Node as Box,
  type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { use, useMemo, type KeyboardEvent } from 'react';
import { Status } from '../../parts/Status';
import { ThemeContext } from '../../shell/theme';
import { useText, type Texts } from '../../text';
import { place } from './layout';
import type { ActionsShown } from './List';

const useStyles = makeStyles({
  area: { height: '32rem', border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium },
  action: {
    cursor: 'pointer',
    borderRadius: tokens.borderRadiusMedium,
    ':focus-visible': { outline: `3px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '2px' },
  },
  box: {
    boxSizing: 'border-box',
    width: '100%',
    height: '100%',
    padding: tokens.spacingHorizontalS,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorNeutralForeground1,
    fontSize: tokens.fontSizeBase200,
    textAlign: 'start',
  },
  around: { backgroundColor: tokens.colorNeutralBackground3 },
  chosen: { outline: `2px solid ${tokens.colorBrandStroke1}` },
  head: { display: 'flex', justifyContent: 'space-between', gap: tokens.spacingHorizontalS },
  name: {
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    fontWeight: tokens.fontWeightSemibold,
  },
});

type ActionBox = Box<{ name: string; type: string; status: string; isAround: boolean; isChosen: boolean }>;

/** A box is called what is written in it: the spaces are between its words. */
function ActionView({ data }: NodeProps<ActionBox>) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.box, data.isAround && styles.around, data.isChosen && styles.chosen)}>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <div className={styles.head}>
        <span className={styles.name}>{data.name}</span> <Status status={data.status} />
      </div>{' '}
      <span>{data.type}</span>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}

const KINDS = { action: ActionView };

/** Without the library's words for what a thing is, which are English. */
const PLAIN = { 'aria-roledescription': undefined };

/** What the graph says of itself. Nothing of it can be moved, selected or deleted. */
const labelsOf = (text: Texts): Partial<AriaLabelConfig> => ({
  // which of the two is said depends on a setting that is none of ours
  'node.a11yDescription.default': text.graph.open,
  'node.a11yDescription.keyboardDisabled': text.graph.open,
  'node.a11yDescription.ariaLiveMessage': () => '',
  'edge.a11yDescription.default': '',
  'controls.ariaLabel': text.graph.controls,
  'controls.zoomIn.ariaLabel': text.graph.zoomIn,
  'controls.zoomOut.ariaLabel': text.graph.zoomOut,
  'controls.fitView.ariaLabel': text.graph.fitView,
});

/** No keys of the library's own: Space scrolls, and Backspace deletes nothing. */
const NO_KEYS = {
  deleteKeyCode: null,
  selectionKeyCode: null,
  multiSelectionKeyCode: null,
  panActivationKeyCode: null,
  zoomActivationKeyCode: null,
};

/** The actions as boxes with lines between them. The list says the same. */
export default function Graph({ nodes, records, chosen, choose }: ActionsShown) {
  const styles = useStyles();
  const text = useText();
  const { isDark } = use(ThemeContext);
  const laid = useMemo(() => place(nodes), [nodes]);
  const labels = useMemo(() => labelsOf(text), [text]);
  const boxes = laid.placed.map(({ node, parent, x, y, width, height }): ActionBox => {
    const status = records.get(node.name)?.status ?? 'NotStarted';
    return {
      id: node.name,
      type: 'action',
      position: { x, y },
      width,
      height,
      ...(parent !== undefined && { parentId: parent, extent: 'parent' as const }),
      data: {
        name: node.name,
        type: node.type,
        status,
        isAround: node.branches.length > 0,
        isChosen: chosen === node.name,
      },
      className: styles.action,
      ariaRole: 'button',
      domAttributes: { ...PLAIN, 'aria-pressed': chosen === node.name },
    };
  });
  const lines = laid.lines.map(({ from, to }): Edge => ({
    id: JSON.stringify([from, to]),
    source: from,
    target: to,
    focusable: false,
    ariaLabel: text.graph.line(from, to),
    domAttributes: PLAIN,
  }));
  // the library's own handling of keys selects, which here is nothing
  const press = (event: KeyboardEvent) => {
    const { id } = (event.target as HTMLElement).dataset;
    if ((event.key !== 'Enter' && event.key !== ' ') || !boxes.some((box) => box.id === id)) return;
    event.preventDefault();
    if (id !== undefined) choose(id);
  };
  return (
    <div className={styles.area} role="group" aria-label={text.run.graph}>
      <ReactFlow
        nodes={boxes}
        edges={lines}
        nodeTypes={KINDS}
        colorMode={isDark ? 'dark' : 'light'}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={false}
        {...NO_KEYS}
        ariaLabelConfig={labels}
        fitView
        minZoom={0.1}
        onNodeClick={(_, box) => {
          choose(box.id);
        }}
        onKeyDown={press}
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}
