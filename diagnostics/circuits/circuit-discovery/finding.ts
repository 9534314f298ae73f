/** What a discovered circuit says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Circuit } from '../../shared/circuits/circuit';
import { metricWords } from '../../shared/effects/metric';
import { partName, type Part } from '../../shared/effects/parts';
import { counted, percent } from '../../../protocol/wire/number-words';
import type { DiscoveryResult } from './result';
import { nodeWords } from '../../shared/circuits/words';

export const isFound = (result: Partial<DiscoveryResult>): result is DiscoveryResult & { readonly circuit: Circuit } =>
  result.circuit !== undefined;

export type Searching = DiscoveryResult & { readonly own: NonNullable<DiscoveryResult['own']> };

/** Parts are being tried, and what each does alone is known. */
export const isSearching = (result: Partial<DiscoveryResult>): result is Searching =>
  result.circuit === undefined && result.own !== undefined && result.removals !== undefined;

/** Nodes that are named. */
const mostNamed = 5;

export function finding(result: Partial<DiscoveryResult>): string {
  if (isSearching(result)) {
    const { removals } = result;
    const gone = removals.filter(({ removed }) => removed);
    return `Searching: ${counted(removals.length, 'part', 'parts')} tried so far, ${gone.length} not needed (${nodeWords(gone)}).`;
  }
  if (!isFound(result)) return 'No circuit is found yet.';
  const { circuit, verdict, metric, held, chance, incompleteness, method } = result;
  const { nodes } = circuit;
  if (nodes.length === 0) {
    return 'No part is needed: without any of them the metric stays as near to that of the model as the threshold asks. Choose a smaller threshold.';
  }
  const named = nodes.slice(0, mostNamed).map(partName).join(', ');
  const most = nodes.length > mostNamed ? `, most of all ${named}` : `: ${named}`;
  const start = `${method === 'given' ? 'The saved circuit has' : 'The circuit has'} ${nodeWords(nodes)}${most}.`;
  if (!verdict) return `${start} It is not measured on held-out prompts yet.`;
  const { circuit: own, rest, minimality } = verdict;
  const interval = Number.isNaN(own.shareLow)
    ? ''
    : ` (95 % interval ${percent(own.shareLow)} to ${percent(own.shareHigh)})`;
  const random = chance
    ? ` ${chance.n} random circuits of its size have ${percent(chance.mean)} on average and ${percent(chance.largest)} at most.`
    : '';
  const needed = minimality.filter(({ low, high }) => low > 0 || high < 0).length;
  return [
    start,
    `On ${counted(held, 'held-out prompt', 'held-out prompts')} it keeps ${percent(own.share)}${interval} of the ${metricWords[metric].name} that all parts make; the model without it keeps ${percent(rest.share)}.${random}`,
    ...(held > 1
      ? [`${needed} of ${nodes.length} nodes are needed beyond chance (95 % each).`]
      : ['One prompt has no interval, so chance cannot be judged.']),
    ...(incompleteness
      ? [
          `With nodes taken away, circuit and model are up to ${percent(incompleteness.largest)} apart (${percent(incompleteness.mean)} on average over ${counted(incompleteness.n, 'set', 'sets')}).`,
        ]
      : []),
  ].join(' ');
}

/** Counterparts belong to the prompts of the task: elsewhere their place is taken by the mean over the prompt. */
export function offers(result: DiscoveryResult): readonly Offer[] {
  const { circuit, mode, mlps } = result;
  if (!circuit || circuit.nodes.length === 0) return [];
  const kept = new Set(circuit.nodes.map(({ layer, head }) => `${layer}.${head ?? ''}`));
  const all: readonly Part[] = circuit.heads.flatMap((heads, layer) => [
    ...Array.from({ length: heads }, (_, head): Part => ({ layer, head })),
    ...(mlps && !circuit.withoutMlp?.includes(layer) ? [{ layer }] : []),
  ]);
  const isIn = ({ layer, head }: Part): boolean => kept.has(`${layer}.${head ?? ''}`);
  const source = { from: mode === 'zero' ? 'zero' : 'mean' } as const;
  const without = (parts: readonly Part[]): readonly Intervention[] =>
    parts.map(({ layer, head }) =>
      head === undefined ? { kind: 'mlp', layer, source } : { kind: 'head', layer, head, source },
    );
  const words = mode === 'zero' ? 'zeros' : 'its mean over the prompt';
  const others = all.filter((part) => !isIn(part));
  return [
    ...(others.length > 0
      ? [
          {
            title: 'Only this circuit',
            description: `Replaces every other part by ${words}: ${nodeWords(others)}.`,
            interventions: without(others),
          },
        ]
      : []),
    {
      title: 'Without this circuit',
      description: `Replaces each of its nodes by ${words}: ${nodeWords(circuit.nodes)}.`,
      interventions: without(all.filter(isIn)),
    },
  ];
}
