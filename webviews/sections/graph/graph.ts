import { html, nothing } from 'lit';
import type { GraphSection } from '../../../protocol/sections/graph';
import { button } from '../../ui/controls';
import { count, significant } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import { remembered } from '../remembered';
import { twinColumn, type PictureKind, type SectionView, type TwinRow } from '../section-kind';
import { valueWords } from '../words';
import { keptGraph, parseCursor, strongestOf } from './graph-model';
import { graphPicture } from './graph-picture';

const picture = remembered(graphPicture);
const kept = remembered(keptGraph);

const thresholdOf = (section: GraphSection, view: SectionView): number => view.threshold ?? section.threshold;

const steps = 100;

export const graphKind: PictureKind<GraphSection> = {
  drawn: 'picture',
  isEmpty: ({ nodes }) => nodes.length === 0,
  picture: (section, view) => picture(section, thresholdOf(section, view)),
  place: ({ edges }, cursor) => {
    const at = parseCursor(cursor);
    if (at?.kind !== 'edge') return at;
    const edge = edges[at.at];
    return (
      edge && { kind: 'edge', from: edge.from, to: edge.to, ...(edge.input === undefined ? {} : { input: edge.input }) }
    );
  },
  controls: ({ section, view, actions }) => {
    const threshold = thresholdOf(section, view);
    const strongest = strongestOf(section.edges) || 1;
    const { edges, total } = kept(section, threshold);
    const words = `${count(edges.length)} of ${count(total)} edges, from ${valueWords(threshold, section.unit)} on`;
    return html`<div class="graph-threshold">
      <span>Edges</span>
      ${slider({
        label: 'Weakest edge that is drawn',
        value: Math.round(steps * Math.sqrt(Math.min(1, threshold / strongest))),
        min: 0,
        max: steps,
        step: 1,
        valueText: words,
        hint: 'Edges that are at least this strong, negative ones too. The slider is finer at its weak end.',
        onInput: (value) => actions.view({ threshold: strongest * (value / steps) ** 2 }),
      })}
      <output>${words}</output>
      ${
        actions.saveCircuit
          ? button({
              label: 'Save as Circuit…',
              icon: 'save',
              hint: 'A file in which nodes are moved, grouped, named and noted. A later run is merged into it.',
              onClick: actions.saveCircuit,
            })
          : nothing
      }
    </div>`;
  },
  twin: ({ nodes, edges, unit, definition }) => {
    const label = new Map(nodes.map((node) => [node.id, node.label]));
    return {
      columns: [
        twinColumn(0, 'kind', 'Kind'),
        twinColumn(1, 'from', 'From'),
        twinColumn(2, 'to', 'To'),
        twinColumn(3, 'input', 'Input'),
        twinColumn(4, 'weight', 'Weight', { unit, hint: definition, text: (value) => significant(value) }),
      ],
      rows: [
        ...edges.map(({ from, to, input, weight }): TwinRow => [
          'edge',
          label.get(from) ?? from,
          label.get(to) ?? to,
          input ?? '',
          weight,
        ]),
        ...nodes.map((node): TwinRow => [node.kind, node.label, '', '', node.weight]),
      ],
    };
  },
};
