/** What the editor of a circuit shows and what the person has arranged. Pure. */
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import {
  circuitDifference,
  differenceCircuit,
  whyUnlike,
  type CircuitDifference,
} from '../../../protocol/circuits/compare';
import { shownCircuit, type ShownCircuit, type ShownEdge } from '../../../protocol/circuits/shown';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import type { SectionView } from '../../sections/section-kind';
import { remembered } from '../../sections/remembered';
import { fieldsIn } from '../../ui/host';

/** Survives a reload. */
export interface Arranged {
  /** Edges at least this strong are drawn; undefined: as the file says. */
  readonly threshold: number | undefined;
  /** Pinned nodes and their edges alone. */
  readonly onlyPinned: boolean;
  readonly views: Readonly<Record<string, SectionView>>;
}

export interface State extends Arranged {
  /** Undefined until the extension has answered. */
  readonly opened: ToCircuitPanel | undefined;
  /** Ids of drawn nodes, and of open groups whose frame was chosen. The last one has the keyboard. */
  readonly selection: readonly string[];
  /** A note as it is typed, until the file holds it. */
  readonly draft: { readonly id: string; readonly note: string } | undefined;
}

export const firstState: State = {
  opened: undefined,
  selection: [],
  draft: undefined,
  threshold: undefined,
  onlyPinned: false,
  views: {},
};

/** What an earlier visit kept, as far as it can be used. */
export function restored(kept: unknown): State {
  const { threshold, onlyPinned, views } = fieldsIn(kept);
  return {
    ...firstState,
    ...(typeof threshold === 'number' && threshold >= 0 ? { threshold } : {}),
    ...(typeof onlyPinned === 'boolean' ? { onlyPinned } : {}),
    views: fieldsIn(views) as State['views'],
  };
}

export const kept = ({ threshold, onlyPinned, views }: State): Arranged => ({ threshold, onlyPinned, views });

/** What is chosen stays chosen as long as the file has it; a group that was just made is chosen in place of its members. */
export function received(state: State, opened: ToCircuitPanel): State {
  const { result: circuit } = opened;
  if (!circuit) return { ...state, opened, selection: [] };
  const before = new Set(state.opened?.result?.groups.map(({ id }) => id) ?? []);
  const made = state.opened?.result ? circuit.groups.filter(({ id }) => !before.has(id)) : [];
  const grouped = made.find(({ members }) => state.selection.some((id) => members.includes(id)));
  const known = new Set([...circuit.nodes, ...circuit.groups].map(({ id }) => id));
  const selection = grouped ? [grouped.id] : state.selection.filter((id) => known.has(id));
  return { ...state, opened, selection };
}

interface Comparison {
  readonly name: string;
  readonly difference: CircuitDifference;
  /** Why weights are not compared. */
  readonly unlike: string | undefined;
}

export interface Drawn extends ShownCircuit {
  /** Drawn nodes by id. */
  readonly byId: ReadonlyMap<string, ShownCircuit['nodes'][number]>;
  /** Strongest first. */
  readonly ranked: readonly ShownEdge[];
  readonly strongest: number;
  readonly comparison: Comparison | undefined;
  /** Nodes that only one of two compared circuits has: `+` this one, `−` the other. */
  readonly only: ReadonlyMap<string, '+' | '−'>;
  readonly threshold: number;
}

const size = ({ weight }: ShownEdge): number => (Number.isFinite(weight) ? Math.abs(weight) : 0);

/** Made once for a circuit and what it is compared with: 10,000 edges are summed and sorted. */
const drawnWith = remembered((circuit: Circuit, other: ToCircuitPanel['compareWith']): Drawn => {
  const difference = other && circuitDifference(circuit, other.result);
  const unlike = other && whyUnlike(circuit, other.result);
  const both = other && difference && !unlike ? differenceCircuit(circuit, other.result, difference) : circuit;
  const shown = shownCircuit(both);
  const ranked = [...shown.edges].sort((a, b) => size(b) - size(a));
  return {
    ...shown,
    byId: new Map(shown.nodes.map((node) => [node.id, node])),
    ranked,
    strongest: ranked[0] ? size(ranked[0]) : 0,
    comparison: other && difference && { name: other.name, difference, unlike },
    only: new Map([
      ...(difference?.onlyHere ?? []).map(({ id }) => [id, '+'] as const),
      ...(difference?.onlyThere ?? []).map(({ id }) => [id, '−'] as const),
    ]),
    threshold: both.threshold,
  };
});

export const drawnOf = ({ opened }: Pick<State, 'opened'>): Drawn | undefined =>
  opened?.result && drawnWith(opened.result, opened.compareWith);

export const thresholdOf = (state: State, drawn: Drawn): number =>
  Math.min(state.threshold ?? drawn.threshold, drawn.strongest);

/** More edges than this are a felt; the strongest are drawn and the page says so. */
export const mostEdges = 1500;

export interface Visible {
  /** Strongest first. */
  readonly edges: readonly ShownEdge[];
  /** Edges that are strong enough, drawn or not. */
  readonly strong: number;
  /** Drawn in full: an edge of theirs is drawn, or they are pinned. */
  readonly touched: ReadonlySet<string>;
}

export const visibleOf = remembered((drawn: Drawn, threshold: number, onlyPinned: boolean): Visible => {
  const pinned = new Set(drawn.nodes.filter((node) => node.pinned).map(({ id }) => id));
  const strong = drawn.ranked.filter(
    (edge) => size(edge) >= threshold && (!onlyPinned || pinned.has(edge.from) || pinned.has(edge.to)),
  );
  const edges = strong.slice(0, mostEdges);
  return {
    edges,
    strong: strong.length,
    touched: new Set([...pinned, ...drawn.only.keys(), ...edges.flatMap(({ from, to }) => [from, to])]),
  };
});
