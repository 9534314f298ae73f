import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { declareChanges, rareParts } from '../../../models/instrument/changes/changes';
import { layerTaps, modelTaps, parseTap, tapName } from '../../../models/instrument/taps';

const text = readFileSync(resolve(__dirname, '../../../docs/model-taps.md'), 'utf8');

/** First two columns of the table below a heading. */
function table(heading: string): [string, string][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, name = '', shape = ''] = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
      return [name, shape];
    });
}

describe('docs/model-taps.md', () => {
  it('names every tap with its shape, and no other', () => {
    const expected = [
      ...Object.entries(modelTaps),
      ...Object.entries(layerTaps).map(([tap, shape]) => [`layer.N.${tap}`, shape] as const),
    ];
    assert.deepEqual(new Map(table('Taps')), new Map(expected));
  });

  it('names every intervention with the shape of the graph input', () => {
    const graph = new GraphBuilder('interventions');
    const experts = { count: 17, perToken: 2 };
    const sizes = {
      experts,
      crossHeads: 19,
      crossHeadDim: 23,
      stateHeads: 29,
      stateHeadDim: 31,
      index: 0,
      heads: 5,
      kvHeads: 3,
      headDim: 7,
      hiddenSize: 11,
      units: 13,
      scale: 1,
    };
    const rotated = { dimensions: 8, layout: 'half' } as const;
    declareChanges(graph, { ...sizes, rotated }, 't', { parts: rareParts });
    const letters = new Map<unknown, string>([
      [5, 'h'],
      [3, 'g'],
      [8, 'e'],
      [4, 'e/2'],
      [7, 'd'],
      [11, 'w'],
      [13, 'u'],
      [17, 'E'],
      [19, 'h'],
      [23, 'd'],
      [29, 'h'],
      [31, 'd'],
    ]);
    const declared = graph.inputs.map(
      ({ name, shape }) =>
        [name, shape.length === 0 ? 'scalar' : shape.map((dim) => letters.get(dim) ?? String(dim)).join(' ')] as const,
    );
    // The inputs of features are alike at every place, whose width is that of the place.
    const of = /^(stream|network|attention|heads)_(feature|rival)_/u;
    const places = declared.map(([name, shape]): [string, string] => {
      const [, place, what] = of.exec(name) ?? [];
      if (place === undefined) return [name, shape];
      const width = place === 'heads' ? '35' : 'w';
      const dims = shape.split(' ').map((dim) => (dim === width ? 'v' : dim));
      const named = dims.map((dim) =>
        dim === `${place}_features`
          ? 'f'
          : dim === `${place}_feature_rows`
            ? 'r'
            : dim === `${place}_rivals`
              ? 'm'
              : dim,
      );
      return [name.replace(of, `PLACE_${what}_`), named.join(' ')];
    });
    const first = places.filter(([name], at) => places.findIndex((one) => one[0] === name) === at);
    assert.deepEqual(table('Interventions'), first);
    assert.equal(places.length - first.length, 3 * (10 + 9));
    for (const one of places)
      assert.deepEqual(
        one,
        first.find(([name]) => name === one[0]),
      );
  });

  it('names are read back as they are made', () => {
    assert.deepEqual(parseTap(tapName(3, 'attention.probabilities')), {
      kind: 'layer',
      layer: 3,
      tap: 'attention.probabilities',
    });
    assert.deepEqual(parseTap('logits'), { kind: 'model', tap: 'logits' });
    for (const wrong of ['', 'layer.x.residual', 'layer.1.constructor', 'layer.1', 'toString', 'layer.-1.residual']) {
      assert.equal(parseTap(wrong), undefined, wrong);
    }
  });
});
