/** What the editor of a circuit makes of it first: its words, its picture, its tables, a group, a comparison with itself, its text. */
import assert from 'node:assert/strict';
import { circuitDescription, circuitDetails, circuitLines } from '../../../extension/results/circuit-words';
import { circuitText, parseCircuit, type Circuit } from '../../../protocol/circuits/circuit-file';
import { grouped, settled } from '../../../protocol/circuits/edit';
import { merged } from '../../../protocol/circuits/merge';
import { circuitMarks, fit } from '../../../webviews/panels/circuit/scene';
import { circuitSections } from '../../../webviews/panels/circuit/sections';
import { drawnOf, thresholdOf, visibleOf, firstState } from '../../../webviews/panels/circuit/state';
import { finding } from '../../../webviews/panels/circuit/words';
import type { Theme } from '../../../webviews/ui/theme';
import { firstOfSections } from './analysis';

const theme = { dark: true, fontSize: 13, font: 'sans-serif', background: '#000', muted: '#888' } as Theme;

export function firstOfCircuit(circuit: Circuit): unknown {
  const written = parseCircuit(circuitText(circuit));
  assert.ok(written.ok);
  assert.deepEqual(written.result, circuit);
  for (const edited of [
    grouped(
      circuit,
      circuit.nodes.slice(0, 3).map(({ id }) => id),
    ),
    settled(circuit),
  ])
    assert.ok(parseCircuit(circuitText(edited)).ok);
  const opened = {
    kind: 'open',
    name: 'c',
    canRun: true,
    result: circuit,
    compareWith: { name: 'itself', result: circuit },
  } as const;
  const drawn = drawnOf({ opened });
  assert.ok(drawn);
  const visible = visibleOf(drawn, thresholdOf(firstState, drawn), false);
  const [width, height] = [600, 400];
  const parts = { drawn, visible, selection: new Set<string>(), hovered: undefined, width, height };
  return [
    circuitDescription(circuit),
    circuitDetails(circuit),
    circuitLines(circuit),
    finding(circuit),
    merged(circuit, circuit).ok,
    circuitMarks({ ...parts, camera: fit(drawn, width, height, theme) }, theme).length,
    firstOfSections(circuitSections(circuit, drawn)),
  ];
}
