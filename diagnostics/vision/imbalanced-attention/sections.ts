/** Sections of the analysis `imbalanced-attention`. */
import type { Scale } from '../../../protocol/sections/figure';
import type { SectionAxis, SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { counted } from '../../../protocol/wire/number-words';
import type { Grounding, Share } from './grounding';
import { setNames, type GroundedCaption, type ImbalancedResult } from './result';
import * as build from '../../../protocol/sections/builders';

const share: Scale = { kind: 'sequential', max: 1 };
const upwards: Scale = build.ranges.sequential;

/** Ids that `ask` answers about. */
export const sectionIds = { heads: 'heads' } as const;

const layerAxis: SectionAxis = build.axis('Layer', '', { min: 0 });
const massAxis = (title: string): SectionAxis => build.axis(title, '', { min: 0 });

export function sectionsOf(result: Partial<ImbalancedResult>): readonly Section[] {
  const { before, after } = result;
  return [
    ...pictureSection(result),
    ...(before ? [depthSection(before), ...imageByLayer(before, after), headsSection(result, before)] : []),
    ...(before && before.tokens.length > 1 ? decaySections(before, after) : []),
    ...(before && after ? [generations(result, before, after)] : []),
    ...(before && after ? figuresSection(before, after) : []),
    ...sweepSections(result),
  ];
}

function pictureSection(result: Partial<ImbalancedResult>): readonly Section[] {
  const { image, localScores, summaryScores, spatialScores, sets, top, bottom, patches, notes = [] } = result;
  if (!image || !localScores || !summaryScores || !spatialScores || !sets) return [];
  return [
    {
      kind: 'image',
      id: 'tokens',
      title: 'Informed tokens',
      caption: [
        `Of ${counted(patches ?? 0, 'token', 'tokens')}, alpha raises ${top?.length ?? 0} and beta the ${bottom?.length ?? 0} summary ones.`,
        ...notes,
      ].join(' '),
      image,
      numbers: [
        build.scaled(
          upwards,
          'local',
          'Local score',
          'sum over heads of the attention of the class row on the patch, first layer of the encoder; without a class row the attention received. Local tokens: the largest',
          localScores,
        ),
        build.scaled(
          upwards,
          'summary',
          'Summary score',
          "the same in the second last layer of the encoder. Summary tokens: above Tukey's upper fence Q3 + 1.5 (Q3 - Q1)",
          summaryScores,
        ),
        build.scaled(
          upwards,
          'spatial',
          'Spatial score',
          'sum over the patches as queries of their attention on the patch, mean over heads, first layer of the encoder. Spatial tokens: the largest',
          spatialScores,
        ),
      ],
      classes: { names: setNames, of: sets },
    },
  ];
}

const parts: readonly { readonly share: Share; readonly title: string; readonly definition: string }[] = [
  { share: 'image', title: 'Picture', definition: 'tokens of the picture' },
  { share: 'question', title: 'Question', definition: 'text of the prompt behind the picture' },
  { share: 'system', title: 'System prompt', definition: 'text of the prompt before the end of the picture' },
  { share: 'output', title: 'Output', definition: 'tokens that were generated before: 1 less the others' },
];

const byLayer = (values: readonly number[]): SectionSeries['points'] => values.map((y, x) => ({ x, y }));

const depthSection = ({ perLayer, tokens }: GroundedCaption): Section =>
  build.chart(
    'depth',
    'Where attention goes, by depth',
    `Attention of the queries that make the plain caption, mean over heads and ${counted(tokens.length, 'token', 'tokens')}. System prompt: text before the end of the picture; question: text behind it.`,
    build.categoryAxis(
      'Layer',
      perLayer.image.map((_, layer) => String(layer)),
    ),
    { ...massAxis('Attention'), max: 1 },
    parts.map(({ share: of, title }) => build.stack(of, title, byLayer(perLayer[of]))),
  );

function imageByLayer({ perLayer }: Grounding, after: Grounding | undefined): readonly Section[] {
  const line = (
    id: string,
    title: string,
    values: readonly number[],
    colour: number,
    shape: number,
  ): SectionSeries => ({
    id,
    title,
    mark: 'line',
    look: { colour, shape },
    points: byLayer(values),
  });
  const raised = perLayer.raised.some((value) => value > 0);
  return [
    build.chart(
      'image-by-layer',
      'Attention on the picture, before and after',
      `Mean over heads and tokens of each caption. ${raised ? 'Raised: the part of it on the tokens that alpha raises.' : ''}`.trim(),
      layerAxis,
      massAxis('Attention on the picture'),
      [
        line('before', 'Picture, before', perLayer.image, 0, 0),
        after && line('after', 'Picture, after', after.perLayer.image, 1, 1),
        raised && line('raised-before', 'Raised tokens, before', perLayer.raised, 0, 2),
        raised && after && line('raised-after', 'Raised tokens, after', after.perLayer.raised, 1, 3),
      ],
    ),
  ];
}

function headsSection({ weights, after }: Partial<ImbalancedResult>, before: GroundedCaption): Section {
  const number = (name: string, title: string, definition: string, values: HeadsLayer['values']): HeadsLayer =>
    build.scaled(share, name, title, definition, values);
  const mass = (what: string): string =>
    `sum over keys of p(query, key), mean over the queries of the caption: ${what}`;
  return build.heads(
    sectionIds.heads,
    'Visual grounding of heads',
    'Sensitivity is the attention on the picture relative to the largest of the layer; with heads = sensitivity alpha and beta are multiplied by it.',
    [
      ...parts.map(({ share: of, title, definition }) => number(of, title, mass(definition), before.perHead[of])),
      after && number('after', 'Picture, after', mass('tokens of the picture, raised'), after.perHead.image),
      weights &&
        number(
          'sensitivity',
          'Sensitivity',
          'w = s / max s over the heads of the layer, s the attention on the picture; a choice of Headscope',
          weights,
        ),
    ],
    { ask: 'Show where it looks' },
  );
}

function decaySections(before: GroundedCaption, after: GroundedCaption | undefined): readonly Section[] {
  const line = (id: string, title: string, { imageOfToken }: Grounding): SectionSeries =>
    build.line(id, title, byLayer(imageOfToken));
  return [
    build.chart(
      'decay',
      'Attention on the picture while the caption is written',
      'Mean over layers and heads, of the query that makes each token. The two captions may say different things.',
      build.axis('Token', '', { min: 0 }),
      massAxis('Attention on the picture'),
      [line('before', 'Before', before), after && line('after', 'After', after)],
    ),
    {
      kind: 'map',
      id: 'decay-by-layer',
      title: 'Attention on the picture by layer, before',
      unit: '',
      definition: 'attention on the tokens of the picture, mean over heads, of the query that makes the token',
      scale: upwards,
      rows: { title: 'Layer', labels: before.imageByToken.map((_, layer) => String(layer)), named: true },
      columns: { title: 'Token', labels: before.tokens },
      values: before.imageByToken,
    },
  ];
}

const notesOf = ({ broken, stoppedAt }: GroundedCaption, which: string): readonly string[] => [
  ...(broken === undefined ? [] : [`${which}: ${broken}`]),
  ...(stoppedAt === undefined ? [] : [`${which}: cut after ${counted(stoppedAt, 'token', 'tokens')}.`]),
];

function generations(
  { alpha = 0, beta = 0 }: Partial<ImbalancedResult>,
  before: GroundedCaption,
  after: GroundedCaption,
): Section {
  const notes = [...notesOf(before, 'Before'), ...notesOf(after, 'After')].join(' ');
  return {
    kind: 'generations',
    id: 'captions',
    title: 'Caption before and after',
    ...(notes === '' ? {} : { caption: notes }),
    variants: ['before', 'after'],
    items: [
      {
        title: `Alpha ${alpha}, beta ${beta}`,
        texts: [before.text, after.text],
        scores: [before.image, after.image],
      },
    ],
    score: { title: 'Attention on the picture', unit: '' },
  };
}

function figuresSection(before: GroundedCaption, after: GroundedCaption): readonly Section[] {
  if (!before.figures || !after.figures) return [];
  return [
    build.table(
      'chair',
      'Hallucinated objects',
      'Results of one picture. A text that names less has less to be wrong about, so read CHAIR together with length, recall and F1.',
      [
        { title: 'before', of: before.figures },
        { title: 'after', of: after.figures },
      ],
      [
        build.text('caption', 'Caption', ({ title }) => title),
        build.number(
          'chair',
          'CHAIR_I',
          'mentions of objects that the picture does not have / mentions',
          ({ of }) => of.chairI,
        ),
        build.count(
          'hallucinated',
          'Wrong mentions',
          'mentions of objects that the picture does not have',
          ({ of }) => of.hallucinated,
        ),
        build.count('mentions', 'Mentions', 'mentions of objects, repeats counted', ({ of }) => of.mentions),
        build.number('recall', 'Recall', 'distinct true objects mentioned / true objects', ({ of }) => of.recall),
        build.number(
          'f1',
          'F1',
          'harmonic mean of recall and of distinct true objects / distinct objects mentioned',
          ({ of }) => of.f1,
        ),
        build.count('length', 'Length', 'words', 'words', ({ of }) => of.length),
      ],
    ),
  ];
}

function sweepSections({ sweep = [], beta, before }: Partial<ImbalancedResult>): readonly Section[] {
  if (sweep.length === 0 || !before) return [];
  const scored = sweep.some(({ figures }) => figures !== undefined);
  const at = (broken: boolean): SectionSeries['points'] =>
    sweep
      .filter((point) => (point.broken !== undefined) === broken)
      .map(({ alpha, image }) => ({ x: alpha, y: image, label: `alpha ${alpha}` }));
  return [
    build.chart(
      'sweep',
      'Attention on the picture over alpha',
      `Beta stays ${beta ?? 0}. Where the text repeats itself, alpha is too large for this model.`,
      build.axis('Alpha', '', { min: 0 }),
      massAxis('Attention on the picture'),
      [
        build.line(
          'mass',
          'Mean over tokens, layers and heads',
          sweep.map(({ alpha, image }) => ({ x: alpha, y: image })),
        ),
        at(true).length > 0 && build.points('broken', 'The text repeats itself', at(true)),
      ],
      { references: [{ label: 'plain', from: [0, before.image], to: [sweep.at(-1)?.alpha ?? 0, before.image] }] },
    ),
    build.table('sweep-texts', 'Captions over alpha', '', sweep, [
      build.number('alpha', 'Alpha', 'scores z of local and spatial tokens become z + alpha |z|'),
      build.number('image', 'On the picture', 'attention on the picture, mean over tokens, layers and heads'),
      build.count('words', 'Length', 'words of the caption', 'words'),
      scored && [
        build.number(
          'chair',
          'CHAIR_I',
          'mentions of objects that the picture does not have / mentions',
          ({ figures }) => figures?.chairI,
        ),
        build.number('f1', 'F1', 'of objects: see the table of hallucinated objects', ({ figures }) => figures?.f1),
      ],
      build.text('state', 'Text', ({ broken, same }) => broken ?? (same ? 'as the plain caption' : 'changed')),
      build.text('caption', 'Caption', ({ text }) => text),
    ]),
  ];
}
