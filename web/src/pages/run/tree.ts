// The actions of a definition as a tree: what the graph and the list are drawn from.

/** An action, and what is in it. */
export interface Node {
  name: string;
  type: string;
  /** Actions beside it that come before. */
  after: string[];
  branches: Branch[];
}

/** Actions beside each other: the body of a loop, one side of a condition, a case. */
export interface Branch {
  title: string;
  nodes: Node[];
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const objectIn = (value: unknown, name: string): Json => {
  const found = isObject(value) ? Object.entries(value).find(([key]) => key.toLowerCase() === name)?.[1] : undefined;
  return isObject(found) ? found : {};
};

/** No definition is deeper: the server refuses it. */
const DEPTH_MAX = 64;

export function nodesOf(actions: Json, depth = 0): Node[] {
  if (depth > DEPTH_MAX) return [];
  return Object.entries(actions).map(([name, action]) => {
    const branch = (title: string, within: unknown): Branch => ({
      title,
      nodes: nodesOf(objectIn(within, 'actions'), depth + 1),
    });
    const type = isObject(action) && typeof action.type === 'string' ? action.type : '';
    const cases = Object.entries(objectIn(action, 'cases')).map(([title, it]) => branch(title, it));
    const isCondition = type.toLowerCase() === 'if';
    const all = [
      branch(isCondition ? 'true' : '', action),
      branch('false', objectIn(action, 'else')),
      ...cases,
      branch('default', objectIn(action, 'default')),
    ];
    return {
      name,
      type,
      after: Object.keys(objectIn(action, 'runafter')),
      branches: all.filter(({ nodes }) => nodes.length > 0),
    };
  });
}

/** The actions of a definition in the wrapper that the server shows it in. */
export const nodesOfDefinition = (definition: unknown): Node[] => nodesOf(objectIn(definition, 'actions'));

/** All nodes of a tree, outer ones first. */
export const flat = (nodes: Node[]): Node[] =>
  nodes.flatMap((node) => [node, ...node.branches.flatMap((branch) => flat(branch.nodes))]);

/** The innermost action that has this status, in the order of the definition. */
export function innermost(nodes: Node[], hasStatus: (name: string) => boolean): string | undefined {
  for (const node of nodes) {
    if (!hasStatus(node.name)) continue;
    for (const branch of node.branches) {
      const within = innermost(branch.nodes, hasStatus);
      if (within) return within;
    }
    return node.name;
  }
  return undefined;
}
