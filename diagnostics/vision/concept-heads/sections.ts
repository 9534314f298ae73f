/** What a result shows. */
import type { ImageSection } from '../../../protocol/sections/image';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { cellOf } from '../../../protocol/sections/cell';
import { failuresOf } from '../../../protocol/results/sections/unread-pictures';
import { draws, fewRotations, headsOfConcept, removalDraws, rotations } from './measure';
import type { ConceptHeadsResult, MappedTexts, Named } from './result';
import * as build from '../../../protocol/sections/builders';

/** Rows of the tables of texts and of pictures. */
const listed = 300;

const isMeasured = (result: Partial<ConceptHeadsResult>): result is ConceptHeadsResult =>
  result.direct !== undefined && result.concepts !== undefined;

export function conceptSections(result: Partial<ConceptHeadsResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  return [
    headsSection(result),
    textsOfHeads(result),
    conceptsSection(result),
    ...(result.map ? [mapSection(result.map)] : []),
    layersSection(result),
    ablationSection(result),
    ...(result.classified ? [classifiedSection(result)] : []),
    nearestSection(result),
    ...failuresOf(result),
    notesSection(result),
  ];
}

function headsSection({ direct, along, above, explained, rotated, heads }: ConceptHeadsResult): Section {
  const speaking = heads.filter(({ layer, head }) => (above[layer]?.[head] ?? Number.NaN) > 0);
  return build.heads(
    'heads',
    'Heads of the vision encoder',
    `Texts are sought for the last layers alone. Marked: heads that vary along one text more than along any of ${rotations} random rotations of the texts (by chance one head in ${rotations + 1}).`,
    [
      build.signed(
        'direct',
        'Written directly',
        'share of what varies between pictures: sum over pictures k of (c_k - mean c) . (e_k - mean e) / sum of |e_k - mean e|^2, with c what the head adds to the embedding e; all parts sum to 1',
        direct,
      ),
      build.amounts(
        'along',
        'Along one text',
        'largest share of the variance of c over pictures along one text: sum over k of ((c_k - mean c) . t)^2 / sum of |c_k - mean c|^2, t of length 1',
        along,
      ),
      build.signed(
        'above',
        'Above rotated texts',
        `along one text, less the largest of ${rotations} random rotations of all text embeddings, which leave their lengths and angles`,
        above,
      ),
      build.shares(
        'explained',
        'Explained by its texts',
        'share of the variance of c over pictures that lies in the directions of the texts of TextSpan',
        explained,
      ),
      build.shares(
        'rotated',
        'Explained by rotated texts',
        `the same of randomly rotated text embeddings, mean of ${fewRotations} rotations`,
        rotated,
      ),
    ],
    { ask: 'Show its texts and pictures', marked: speaking.map(({ layer, head }) => ({ layer, head })) },
  );
}

function textsOfHeads({ heads, along, above, explained, rotated, direct }: ConceptHeadsResult) {
  const most = Math.max(0, ...heads.map(({ texts }) => texts.length));
  const shown = Math.min(most, 5);
  const shareOf = (table: ConceptHeadsResult['direct'], layer: number, head: number): SectionCell =>
    cellOf(table[layer]?.[head]);
  return build.cellTable(
    'texts',
    'Texts of each head',
    'In the order in which TextSpan takes them; they say what changes from picture to picture, not what is there.',
    [
      build.head(undefined, 'head', 'head'),
      build.number('direct', 'directly', 'share of what varies between pictures'),
      build.number('along', 'along text 1', 'largest share of its variance along one text'),
      build.number('above', 'above rotated', `that, less the largest of ${rotations} random rotations of the texts`),
      build.number('explained', 'by texts', 'share of its variance in the directions of its texts'),
      build.number('rotated', 'rotated', `the same of rotated texts, mean of ${fewRotations}`),
      ...Array.from({ length: shown }, (_, at) => build.text(`text-${at + 1}`, `text ${at + 1}`)),
    ],
    [...heads]
      .sort((a, b) => orderOf(direct, b) - orderOf(direct, a))
      .map(({ layer, head, texts }) => [
        { layer, head },
        shareOf(direct, layer, head),
        shareOf(along, layer, head),
        shareOf(above, layer, head),
        shareOf(explained, layer, head),
        shareOf(rotated, layer, head),
        ...Array.from({ length: shown }, (_, at) => texts[at]?.name ?? null),
      ]),
  );
}

const orderOf = (table: ConceptHeadsResult['direct'], { layer, head }: { layer: number; head: number }): number => {
  const value = table[layer]?.[head] ?? 0;
  return Number.isNaN(value) ? -Infinity : value;
};

function conceptsSection({ concepts }: ConceptHeadsResult) {
  const few = Math.max(0, ...concepts.map(({ heads }) => heads.length));
  return build.cellTable(
    'concepts',
    'Heads of each text',
    `Which described heads write what varies along a text; texts whose heads stand out most come first.`,
    [
      build.text('text', 'text'),
      ...Array.from({ length: few }, (_, at) => [
        build.head(undefined, `head-${at + 1}`, `head ${at + 1}`),
        build.number(
          `share-${at + 1}`,
          'share',
          'sum over pictures of ((c_k - mean c) . t)(e_k . t - mean) / sum of (e_k . t - mean)^2, t the text',
        ),
      ]).flat(),
      build.number('top', 'together', `sum of the ${headsOfConcept} largest shares`),
      build.number('random', 'random heads', `the same of as many random described heads, mean of ${draws} draws`),
      build.number('rotated', 'rotated text', `the largest shares along the rotated text, mean of ${fewRotations}`),
      build.number('spread', 'spread', 'deviation over pictures of the cosine of picture and text'),
      build.text('nearest', 'nearest picture'),
      build.number('cosine', 'cosine', 'of that picture and the text'),
    ],
    concepts.slice(0, listed).map(({ text, heads, top, random, rotated, spread, nearest }) => [
      text,
      ...Array.from({ length: few }, (_, at): SectionCell[] => {
        const found = heads[at];
        return found ? [{ layer: found.layer, head: found.head }, cellOf(found.share)] : [null, null];
      }).flat(),
      cellOf(top),
      cellOf(random),
      cellOf(rotated),
      cellOf(spread),
      nearest.name,
      cellOf(nearest.value),
    ]),
    { ask: 'Show it in the nearest picture' },
  );
}

export function mapSection(
  { image, texts }: MappedTexts,
  words = { id: 'map', title: `Texts in ${image.name}`, of: 'the described heads' },
): ImageSection {
  return {
    kind: 'image',
    id: words.id,
    title: words.title,
    caption: `What each patch adds to the score of a text through ${words.of}; above 0 for the text, below 0 against it.`,
    image,
    numbers: texts.map(({ text, values }, at) =>
      build.signed(
        `text-${at + 1}`,
        text,
        `sum over heads and rows of r(i) A(i, j) (v(j) Wo M) . t: the part of e . t that comes from the patch, through ${words.of}`,
        values,
      ),
    ),
  };
}

function layersSection({ attention, mlps, embedding, bias, network }: ConceptHeadsResult) {
  const bars = (id: string, title: string, values: readonly number[]) => build.bars(id, title, values);
  const beside = [
    `rows that enter the first layer ${written(embedding)}`,
    `biases ${written(bias)}`,
    ...(Number.isNaN(network) ? [] : [`network behind the pooling ${written(network)}`]),
  ];
  return build.chart(
    'layers',
    'Written directly by each layer',
    `Share of what varies between pictures; beside them: ${beside.join(', ')}. All of it is 1.`,
    build.categoryAxis(
      'Layer',
      attention.map((_, layer) => String(layer)),
    ),
    build.axis('Share'),
    [bars('attention', 'Attention', attention), bars('mlp', 'MLP', mlps)],
  );
}

const written = (value: number): string => (Number.isNaN(value) ? 'not measured' : value.toFixed(3));

function ablationSection({ ablated }: ConceptHeadsResult) {
  const line = (id: string, title: string, of: (at: ConceptHeadsResult['ablated'][number]) => number) =>
    build.line(
      id,
      title,
      ablated.map((each, x) => ({ x, y: of(each) })),
    );
  return build.chart(
    'ablation',
    'Early layers replaced by their mean',
    'What the first layers write directly, replaced by its mean over pictures. Kept: 1 - sum |e’ - e|² / sum |e - mean e|². Same text: pictures whose nearest text stays the same. Later layers still read the real stream.',
    build.axis('Layers replaced', '', { min: 0 }),
    build.axis('Share'),
    [
      line('attention-kept', 'Kept, attention', ({ attentionKept }) => attentionKept),
      line('attention-agrees', 'Same text, attention', ({ attentionAgrees }) => attentionAgrees),
      line('mlp-kept', 'Kept, MLPs', ({ mlpKept }) => mlpKept),
      line('mlp-agrees', 'Same text, MLPs', ({ mlpAgrees }) => mlpAgrees),
    ],
  );
}

function classifiedSection({ classified }: ConceptHeadsResult) {
  const rows: SectionCell[][] = [];
  if (classified) {
    const { accuracy, withoutChosen, withoutRandom, lowestRandom, highestRandom, removed, chance } = classified;
    const names = removed.map(({ layer, head }) => `L${layer}H${head}`).join(', ');
    rows.push(
      ['whole', cellOf(accuracy), null, null],
      [`without ${names}`, cellOf(withoutChosen), null, null],
      [`without ${removed.length} random heads`, cellOf(withoutRandom), cellOf(lowestRandom), cellOf(highestRandom)],
      ['chance', cellOf(chance), null, null],
    );
  }
  return build.cellTable(
    'classified',
    'Classified by text',
    `${classified?.tested ?? 0} pictures, ${classified?.classes ?? 0} classes. The heads with the largest shares along the classes were chosen on the other half of the pictures; what they write is replaced by its mean. Random: ${removalDraws} draws of other described heads.`,
    [
      build.text('parts', 'embedding'),
      build.number('accuracy', 'accuracy', 'pictures whose nearest class text is their own / pictures'),
      build.number('low', 'lowest', 'of the draws'),
      build.number('high', 'highest', 'of the draws'),
    ],
    rows,
  );
}

function nearestSection({ nearest }: ConceptHeadsResult) {
  const few = Math.max(0, ...nearest.map(({ texts }) => texts.length));
  return build.cellTable(
    'nearest',
    'Texts of each picture',
    '',
    [
      build.text('picture', 'picture'),
      ...Array.from({ length: few }, (_, at) => [
        build.text(`text-${at + 1}`, `text ${at + 1}`),
        build.number(`cosine-${at + 1}`, 'cosine', 'of the embeddings of picture and text'),
      ]).flat(),
    ],
    nearest
      .slice(0, listed)
      .map(({ name, texts }) => [
        name,
        ...Array.from({ length: few }, (_, at): SectionCell[] => [
          texts[at]?.name ?? null,
          cellOf(texts[at]?.value),
        ]).flat(),
      ]),
  );
}

function notesSection({ pictures, of, failures, texts, width, error }: ConceptHeadsResult): Section {
  const drawn = pictures.length + failures.length < of ? ` of ${of} in the folder` : '';
  return build.paragraphs('notes', 'Notes', [
    `${pictures.length} pictures${drawn}, ${texts} texts, embeddings of ${width} numbers. The parts sum to the embedding within ${error.toExponential(1)} of its length.`,
    'Only what a part writes directly is measured: what a head changes in later layers is not in its number.',
    ...(pictures.length < 16
      ? [
          'With few pictures a handful of texts explains most of any head: read the shares beside those of rotated texts.',
        ]
      : []),
  ]);
}

/** The texts and the pictures of one head. */
export function headSection({ heads, explained, rotated }: ConceptHeadsResult, layer: number, head: number): Section {
  const title = `L${layer}H${head}`;
  const found = heads.find((each) => each.layer === layer && each.head === head);
  if (!found) {
    return build.paragraphs('head', title, [
      'Texts were sought for later layers alone. Raise “Layers described” and run again.',
    ]);
  }
  const pictures = (list: readonly Named[], at: number): SectionCell[] => {
    const one = list[at];
    return one ? [one.name, cellOf(one.value)] : [null, null];
  };
  const rows = Math.max(found.texts.length, found.most.length);
  return build.cellTable(
    'head',
    `Texts and pictures of ${title}`,
    `Its texts explain ${written(explained[layer]?.[head] ?? Number.NaN)} of its variance, rotated ones ${written(rotated[layer]?.[head] ?? Number.NaN)}. Pictures: where it writes most and least along its first text.`,
    [
      build.count('order', 'order', 'in which TextSpan takes the texts'),
      build.text('text', 'text'),
      build.number('explained', 'explained', 'share of its variance by this text and those before it'),
      build.text('most', 'most'),
      build.number('most-value', 'along the first text', '(c_k - mean c) . t'),
      build.text('least', 'least'),
      build.number('least-value', 'along the first text', '(c_k - mean c) . t'),
    ],
    Array.from({ length: rows }, (_, at) => [
      at + 1,
      found.texts[at]?.name ?? null,
      cellOf(found.texts[at]?.value),
      ...pictures(found.most, at),
      ...pictures(found.least, at),
    ]),
  );
}
