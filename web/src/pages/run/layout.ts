// Where the boxes of the graph are. Each branch is laid out by itself, innermost first: what it
// takes is the size of the box around it.
import dagre from '@dagrejs/dagre';
import type { Branch, Node } from './tree';

export const BOX = { width: 220, height: 56 };
const HEAD = 52;
const GAP = 24;

export interface Placed {
  node: Node;
  parent: string | undefined;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Line {
  from: string;
  to: string;
}

/** What the layout says of a box: its middle and its size. */
interface Spot {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Area {
  width: number;
  height: number;
  placed: Placed[];
  lines: Line[];
}

/** Places the actions of a branch, and those within them. Places are within the parent. */
export function place(nodes: Node[], parent?: string): Area {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: GAP, ranksep: GAP * 1.5, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  const inner = new Map(nodes.map((node) => [node.name, inside(node)]));
  for (const node of nodes) {
    const { width, height } = inner.get(node.name) ?? BOX;
    graph.setNode(node.name, { width, height });
  }
  const lines = nodes.flatMap((node) =>
    node.after.filter((name) => inner.has(name)).map((name) => ({ from: name, to: node.name })),
  );
  for (const line of lines) graph.setEdge(line.from, line.to);
  dagre.layout(graph);
  const placed = nodes.flatMap((node): Placed[] => {
    const { x, y, width, height } = graph.node(node.name) as Spot;
    const self = { node, parent, x: x - width / 2, y: y - height / 2, width, height };
    return [self, ...(inner.get(node.name)?.placed ?? [])];
  });
  const size = graph.graph() as Partial<Spot>;
  const within = [...inner.values()].flatMap((it) => it.lines);
  return { width: size.width ?? 0, height: size.height ?? 0, placed, lines: [...lines, ...within] };
}

/** An action with what is in it: its branches beside each other. */
function inside(node: Node): Area {
  if (node.branches.length === 0) return { ...BOX, placed: [], lines: [] };
  let [right, bottom] = [GAP, 0];
  const areas = node.branches.map((branch: Branch) => {
    const area = place(branch.nodes, node.name);
    for (const it of area.placed.filter((placed) => placed.parent === node.name)) {
      it.x += right;
      it.y += HEAD;
    }
    right += area.width + GAP;
    bottom = Math.max(bottom, HEAD + area.height + GAP);
    return area;
  });
  return {
    width: Math.max(BOX.width, right),
    height: bottom,
    placed: areas.flatMap((it) => it.placed),
    lines: areas.flatMap((it) => it.lines),
  };
}
