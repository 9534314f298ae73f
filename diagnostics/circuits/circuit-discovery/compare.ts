/** Two circuits side by side. */
import type { Section } from '../../../protocol/sections/section';
import { nodeId } from '../../shared/circuits/circuit';
import { overlapOf } from '../../shared/circuits/overlap';
import { overlapTable, sharedHeads } from '../../shared/circuits/overlap-sections';
import type { DiscoveryResult } from './result';
import * as build from '../../../protocol/sections/builders';

const names = ['the other', 'this'] as const;

export function compare(a: DiscoveryResult, b: DiscoveryResult): readonly Section[] {
  const [first, second] = [a.circuit, b.circuit];
  if (!first || !second || first.heads.join() !== second.heads.join()) {
    return [
      build.paragraphs('incomparable', 'Overlap of the circuits', [
        first && second
          ? 'The two models have other numbers of heads: no head of one stands beside one of the other.'
          : 'One of the two results has no circuit.',
      ]),
    ];
  }
  const weightOf = ({ nodes }: typeof first, layer: number, head: number): number =>
    nodes.find((node) => nodeId(node) === nodeId({ layer, head }))?.weight ?? 0;
  return [
    {
      ...sharedHeads(first, second, names),
      numbers: [
        build.signed(
          'change',
          'Change of what is lost without it',
          'How much the circuit loses without the head: this result minus the other. 0 for a head that is in neither circuit.',
          first.heads.map((count, layer) =>
            Array.from({ length: count }, (_, head) => weightOf(second, layer, head) - weightOf(first, layer, head)),
          ),
        ),
      ],
    },
    overlapTable(overlapOf(first, second), names),
  ];
}
