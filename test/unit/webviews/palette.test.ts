import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { catalogue } from '../../../kernels/catalogue';
import { apart, darkHues, identify, lightHues } from '../../../webviews/charts/palette';

const linear = (hex: string): [number, number, number] => {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
};
const luminance = (hex: string): number => {
  const [r, g, b] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
/** WCAG 2.2, contrast ratio. */
const contrast = (a: string, b: string): number => {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

type Matrix = readonly (readonly [number, number, number])[];
/** Machado, Oliveira and Fernandes 2009, table 1, severity 1. */
const sights: Readonly<Record<string, Matrix>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
/** OKLab of linear sRGB (Ottosson 2020). */
const oklab = ([r, g, b]: readonly [number, number, number]): number[] => {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
};
const seen = (hex: string, matrix: Matrix): number[] => {
  const rgb = linear(hex);
  const [r = 0, g = 0, b = 0] = matrix.map((row) =>
    Math.min(1, Math.max(0, row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])),
  );
  return oklab([r, g, b]);
};

describe('the palette of classes', () => {
  for (const [theme, hues, backgrounds] of [
    ['light', lightHues, ['#ffffff', '#f8f8f8']],
    ['dark', darkHues, ['#1f1f1f', '#181818', '#000000']],
  ] as const) {
    it(`can be read on the ${theme} backgrounds (3 : 1, less 0.2 on the side bar)`, () => {
      for (const background of backgrounds) {
        for (const hue of hues) assert.ok(contrast(hue, background) >= 2.8, `${hue} on ${background}`);
      }
      for (const hue of hues) assert.ok(contrast(hue, backgrounds[0]) >= 2.95, hue);
    });
    for (const [sight, matrix] of Object.entries(sights)) {
      it(`has eight ${theme} hues that ${sight} sight tells apart`, () => {
        for (const [index, a] of hues.entries()) {
          for (const b of hues.slice(0, index)) {
            const distance = Math.hypot(...seen(a, matrix).map((value, at) => value - (seen(b, matrix)[at] ?? 0)));
            assert.ok(distance > 0.1, `${a} and ${b}: ${distance.toFixed(3)}`);
          }
        }
      });
    }
  }
});

describe('identities', () => {
  const many = Array.from({ length: 40 }, (_, index) => ({ id: `m${index}`, title: `Mechanism ${index}` }));

  it('give forty classes different looks and codes', () => {
    const all = [...identify(many).values()];
    assert.equal(new Set(all.map(({ hue, shape }) => `${hue} ${shape}`)).size, 40);
    assert.equal(new Set(all.map(({ code }) => code)).size, 40);
  });

  it('do not change when later ones are added', () => {
    const few = identify(many.slice(0, 5));
    const more = identify(many);
    for (const [id, identity] of few) assert.deepEqual(more.get(id), identity);
  });

  it('take their letters from the title', () => {
    const codes = [
      ...identify([
        { id: 'a', title: 'Sliding window' },
        { id: 'b', title: 'Fused' },
        { id: 'c', title: 'ALiBi' },
        { id: 'd', title: 'Full' },
        { id: 'e', title: 'Fusion' },
      ]).values(),
    ].map(({ code }) => code);
    assert.deepEqual(codes, ['SW', 'Fu', 'Al', 'Ful', 'Fus']);
  });

  it('are the title itself where that is short: heads of a layer are told apart', () => {
    const titles = ['L2H4', 'L2H5', 'RFA', 'T1'];
    assert.deepEqual(
      [...identify(titles.map((title) => ({ id: title, title }))).values()].map(({ code }) => code),
      titles,
    );
  });
});

describe('codes of series', () => {
  it('keep a number whole: two that differ behind the point have two codes', () => {
    const codes = [...identify(['0.625 N', '0.5 N', 'Full cache'].map((title) => ({ id: title, title }))).values()].map(
      ({ code }) => code,
    );
    assert.deepEqual(codes, ['0.625N', '0.5N', 'FC']);
  });
});

describe('short names of series', () => {
  const namesOf = (titles: readonly string[]): readonly string[] =>
    [...identify(titles.map((title) => ({ id: title, title }))).values()].map(({ name }) => name);

  it('are words: without what stands in parentheses, and never initials', () => {
    assert.deepEqual(
      namesOf(['Sliding window', 'Fused (onnxruntime)', 'Streaming attention', 'Memory as gate (Titans)', 'RFA']),
      ['Sliding window', 'Fused', 'Streaming', 'Memory as gate', 'RFA'],
    );
    assert.deepEqual(namesOf(['Mean over the whole window', '1 head, no norm', 'Lightning Attention-2']), [
      'Mean over the whole',
      '1 head, no norm',
      'Lightning Attention-2',
    ]);
  });

  it('of two that begin alike say where they differ', () => {
    assert.deepEqual(namesOf(['Lightning Attention (TransNormerLLM)', 'Lightning Attention-2']), [
      'Lightning',
      'Lightning Attention-2',
    ]);
    assert.deepEqual(namesOf(['Mean over the whole window', 'Mean over the whole sequence']), [
      'Mean over the whole',
      'Mean … sequence',
    ]);
  });

  it('of all mechanisms fit beside a line, and no two are alike', () => {
    const names = namesOf(catalogue.map(({ title }) => title));
    assert.equal(new Set(names).size, catalogue.length);
    for (const [at, name] of names.entries()) {
      assert.ok(name.length <= 24, name);
      const [word] = /[A-Za-z]{3,}/.exec(name) ?? [];
      assert.ok(word !== undefined && catalogue[at]?.title.includes(word), name);
    }
  });
});

describe('series that stand side by side', () => {
  it('have different hues as far as there are hues, and the first keep theirs', () => {
    const all = identify(Array.from({ length: 20 }, (_, at) => ({ id: `m${at}`, title: `Mechanism ${at}` })));
    // In the catalogue m0, m8 and m16 share a hue.
    const hues = ['m0', 'm8', 'm16', 'm3'].map((id, _, ids) => apart(all, ids).get(id)?.hue);
    assert.equal(hues[0], all.get('m0')?.hue);
    assert.equal(new Set(hues).size, 4);
  });
});
