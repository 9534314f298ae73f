/** What a result shows, in the order of the three steps. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { intervalWords } from '../../shared/effects/level-section';
import { cellOf } from '../../shared/sections/cell';
import { pointNames } from './ranks';
import { correctionSections } from './correction-sections';
import { mlpSections } from './mlp-sections';
import type { RankCurve, RecallResult } from './result';

export const sections = (result: Partial<RecallResult>): readonly Section[] => [
  ...ranksSection(result),
  ...headsSection(result),
  ...readsSection(result),
  ...mlpSections(result),
  ...correctionSections(result),
  ...factsSection(result),
  ...checkSection(result),
];

function ranksSection({
  topicRank,
  answerRank,
  candidateRank,
  prompts,
}: Partial<RecallResult>): readonly ChartSection[] {
  if (!topicRank || !answerRank || !candidateRank) return [];
  const names = pointNames((topicRank.median.length - 1) / 2);
  const series = (id: string, title: string, { median, low, high }: RankCurve): SectionSeries => ({
    id,
    title,
    mark: 'line',
    points: median.map((y, x) => ({ x, y, low: low[x] ?? Number.NaN, high: high[x] ?? Number.NaN })),
  });
  return [
    {
      kind: 'chart',
      id: 'ranks',
      title: 'Steps 1 and 3: where the topic and the answer lead',
      caption: `Logit lens at the last position, over ${prompts ?? 0} prompts: the final norm, at the scale of the stream itself, and the language head on the stream behind each part. 1: no logit is larger. Early streams were not trained to be read so.`,
      x: { title: 'behind', unit: '', scale: 'category', categories: names },
      y: { title: 'rank among the logits', unit: '', scale: 'log10', min: 1 },
      series: [
        series('topic', 'Topic', topicRank),
        series('answer', 'Answer', answerRank),
        series('candidate', 'Answer among the answers of the task', candidateRank),
      ],
      interval: 'median and quartiles over prompts',
    },
  ];
}

function headsSection({
  heads,
  toTopic,
  movers = [],
  sender,
  freezeMlps,
  threshold,
}: Partial<RecallResult>): readonly HeadsSection[] {
  if (!toTopic) return [];
  const sent = sender === 'mean' ? 'its mean over all counterparts' : 'its output on the counterpart';
  const held = freezeMlps ? 'MLPs held too' : 'MLPs computed anew';
  return [
    {
      kind: 'heads',
      id: 'heads',
      title: 'Step 1: heads that carry the answer',
      caption: heads
        ? `At the last position of ${heads.prompts} prompts each head in turn puts out ${sent}, every other head is held, ${held}. The topic is what the fact is about.`
        : 'The task has no counterparts, so that no head could be patched.',
      numbers: [
        ...(heads
          ? [
              {
                name: 'effect',
                title: 'Effect (share of the way to the counterpart)',
                unit: '',
                definition:
                  'Mean of (logit of the right answer with the head patched, less that of the prompt) over mean of (counterpart less prompt). 0: nothing depends on the head; 1: all of the difference; below 0: it works against the answer.',
                scale: { kind: 'diverging' } as const,
                values: heads.effect,
                ...(heads.prompts > 1 ? { low: heads.low, high: heads.high, interval: intervalWords } : {}),
              },
              {
                name: 'relative',
                title: 'Relative change of the logit',
                unit: '',
                definition:
                  'Mean over prompts of (patched - original) / |original| of the logit of the right answer, as the published code plots it. Below 0: the answer loses without the head.',
                scale: { kind: 'diverging' } as const,
                values: heads.relative,
              },
            ]
          : []),
        {
          name: 'toTopic',
          title: 'Attention to the topic',
          unit: '',
          definition:
            'Mean over prompts of the probability that the last position gives the tokens of the topic together.',
          scale: { kind: 'sequential', max: 1 },
          values: toTopic,
        },
      ],
      classes: [
        {
          name: 'movers',
          title: 'carries the answer',
          definition: `Effect of at least ${threshold ?? 0} that is beyond chance (Student's t, widened for the number of heads).`,
          heads: movers,
        },
      ],
      marked: movers,
    },
  ];
}

function readsSection({ reads, heads, toTopic }: Partial<RecallResult>): readonly TableSection[] {
  if (!reads) return [];
  const column = (name: string, title: string, definition: string) =>
    ({ name, title, kind: 'number', unit: '', definition }) as const;
  const alone = 'Median over prompts of its rank when the output of the head alone is read as a residual stream';
  return [
    {
      kind: 'table',
      id: 'reads',
      title: 'Step 1: what these heads write',
      caption:
        'Largest effect first. A head that passes the topic on has it at a low rank; one that looks up the answer has the answer there.',
      columns: [
        { name: 'head', title: 'Head', kind: 'head' },
        column('effect', 'Effect', 'As in the grid of heads.'),
        column('toTopic', 'Attention to the topic', 'As in the grid of heads.'),
        column('topic', 'Rank of the topic', `${alone}, the final norm at its own scale.`),
        column('answer', 'Rank of the answer', `${alone}, the final norm at its own scale.`),
        column(
          'topicFrozen',
          'Topic, norm frozen',
          `${alone}, the final norm frozen at the whole stream, without biases.`,
        ),
        column(
          'answerFrozen',
          'Answer, norm frozen',
          `${alone}, the final norm frozen at the whole stream, without biases.`,
        ),
      ],
      rows: reads.map(({ layer, head, topic, answer, topicFrozen, answerFrozen }) => [
        { layer, head },
        cellOf(heads?.effect[layer]?.[head]),
        cellOf(toTopic?.[layer]?.[head]),
        topic,
        answer,
        topicFrozen,
        answerFrozen,
      ]),
    },
  ];
}

function factsSection({ facts }: Partial<RecallResult>): readonly TableSection[] {
  if (!facts) return [];
  const column = (name: string, title: string, definition: string) =>
    ({ name, title, kind: 'number', unit: '', definition }) as const;
  return [
    {
      kind: 'table',
      id: 'facts',
      title: 'The facts, one by one',
      caption: 'A low probability need not be a lack of knowledge: read the rank among the answers too.',
      columns: [
        { name: 'topic', title: 'Topic', kind: 'text' },
        { name: 'answer', title: 'Answer', kind: 'text' },
        { name: 'prompts', title: 'Prompts', kind: 'text' },
        column('probability', 'Probability', 'Of the first token of the answer, mean over its prompts.'),
        column('rank', 'Rank', 'Of that token among all tokens, mean over its prompts; 1 is first.'),
        column('among', 'Rank among the answers', 'Of that token among the answers of the task.'),
      ],
      rows: facts.map(({ topic, answer, prompts, probability, rank, among }) => [
        topic,
        answer,
        String(prompts),
        cellOf(probability),
        cellOf(rank),
        cellOf(among),
      ]),
    },
  ];
}

function checkSection({ check }: Partial<RecallResult>): readonly TableSection[] {
  if (!check) return [];
  return [
    {
      kind: 'table',
      id: 'check',
      title: 'Check: the parts sum to the whole',
      columns: [
        { name: 'sum', title: 'Sum', kind: 'text' },
        {
          name: 'error',
          title: 'Largest relative error',
          kind: 'number',
          unit: '',
          definition:
            'Over all prompts and layers: largest difference over the largest number of the whole; of a logit over the logit, at least 1.',
        },
      ],
      rows: [
        ['Heads and biases to what attention adds', check.heads],
        ['Stream, attention and MLP to the next stream', check.stream],
        ['All parts to the logit of the answer', check.logit],
      ],
    },
  ];
}
