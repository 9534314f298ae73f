/** What a result shows, in the order of the three steps. */
import type { ChartSection, SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { intervalWords } from '../../shared/effects/level-section';
import { pointNames } from './ranks';
import { correctionSections } from './correction-sections';
import { mlpSections } from './mlp-sections';
import type { RankCurve, RecallResult } from './result';
import * as build from '../../../protocol/sections/builders';

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
  const series = (id: string, title: string, { median, low, high }: RankCurve): SectionSeries =>
    build.line(
      id,
      title,
      median.map((y, x) => ({ x, y, low: low[x] ?? Number.NaN, high: high[x] ?? Number.NaN })),
    );
  return [
    build.chart(
      'ranks',
      'Steps 1 and 3: where the topic and the answer lead',
      `Logit lens at the last position, over ${prompts ?? 0} prompts: the final norm, at the scale of the stream itself, and the language head on the stream behind each part. 1: no logit is larger. Early streams were not trained to be read so.`,
      build.categoryAxis('behind', names),
      build.logAxis('rank among the logits', 'log10', '', { min: 1 }),
      [
        series('topic', 'Topic', topicRank),
        series('answer', 'Answer', answerRank),
        series('candidate', 'Answer among the answers of the task', candidateRank),
      ],
      { interval: 'median and quartiles over prompts' },
    ),
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
    build.heads(
      'heads',
      'Step 1: heads that carry the answer',
      heads
        ? `At the last position of ${heads.prompts} prompts each head in turn puts out ${sent}, every other head is held, ${held}. The topic is what the fact is about.`
        : 'The task has no counterparts, so that no head could be patched.',
      [
        heads && [
          build.signed(
            'effect',
            'Effect (share of the way to the counterpart)',
            'Mean of (logit of the right answer with the head patched, less that of the prompt) over mean of (counterpart less prompt). 0: nothing depends on the head; 1: all of the difference; below 0: it works against the answer.',
            heads.effect,
            '',
            heads.prompts > 1 ? { low: heads.low, high: heads.high, interval: intervalWords } : {},
          ),
          build.signed(
            'relative',
            'Relative change of the logit',
            'Mean over prompts of (patched - original) / |original| of the logit of the right answer, as the published code plots it. Below 0: the answer loses without the head.',
            heads.relative,
          ),
        ],
        build.scaled(
          { kind: 'sequential', max: 1 },
          'toTopic',
          'Attention to the topic',
          'Mean over prompts of the probability that the last position gives the tokens of the topic together.',
          toTopic,
        ),
      ],
      {
        classes: [
          build.headClass(
            'movers',
            'carries the answer',
            `Effect of at least ${threshold ?? 0} that is beyond chance (Student's t, widened for the number of heads).`,
            movers,
          ),
        ],
        marked: movers,
      },
    ),
  ];
}

function readsSection({ reads, heads, toTopic }: Partial<RecallResult>): readonly TableSection[] {
  if (!reads) return [];
  const column = (name: string, title: string, definition: string) => build.number(name, title, definition);
  const alone = 'Median over prompts of its rank when the output of the head alone is read as a residual stream';
  return [
    build.table(
      'reads',
      'Step 1: what these heads write',
      'Largest effect first. A head that passes the topic on has it at a low rank; one that looks up the answer has the answer there.',
      reads,
      [
        build.head(),
        {
          ...column('effect', 'Effect', 'As in the grid of heads.'),
          cell: ({ layer, head }) => heads?.effect[layer]?.[head],
        },
        {
          ...column('toTopic', 'Attention to the topic', 'As in the grid of heads.'),
          cell: ({ layer, head }) => toTopic?.[layer]?.[head],
        },
        {
          ...column('topic', 'Rank of the topic', `${alone}, the final norm at its own scale.`),
          cell: ({ topic }) => topic,
        },
        {
          ...column('answer', 'Rank of the answer', `${alone}, the final norm at its own scale.`),
          cell: ({ answer }) => answer,
        },
        {
          ...column(
            'topicFrozen',
            'Topic, norm frozen',
            `${alone}, the final norm frozen at the whole stream, without biases.`,
          ),
          cell: ({ topicFrozen }) => topicFrozen,
        },
        {
          ...column(
            'answerFrozen',
            'Answer, norm frozen',
            `${alone}, the final norm frozen at the whole stream, without biases.`,
          ),
          cell: ({ answerFrozen }) => answerFrozen,
        },
      ],
    ),
  ];
}

function factsSection({ facts }: Partial<RecallResult>): readonly TableSection[] {
  if (!facts) return [];
  const column = (name: string, title: string, definition: string) => build.number(name, title, definition);
  return [
    build.table(
      'facts',
      'The facts, one by one',
      'A low probability need not be a lack of knowledge: read the rank among the answers too.',
      facts,
      [
        build.text('topic', 'Topic'),
        build.text('answer', 'Answer'),
        build.text('prompts', 'Prompts', ({ prompts }) => String(prompts)),
        {
          ...column(
            'probability',
            'Probability',
            'Probability of the first token of the answer, mean over its prompts.',
          ),
          cell: ({ probability }) => probability,
        },
        {
          ...column('rank', 'Rank', 'Rank of that token among all tokens, mean over its prompts; 1 is first.'),
          cell: ({ rank }) => rank,
        },
        {
          ...column('among', 'Rank among the answers', 'Rank of that token among the answers of the task.'),
          cell: ({ among }) => among,
        },
      ],
    ),
  ];
}

function checkSection({ check }: Partial<RecallResult>): readonly TableSection[] {
  if (!check) return [];
  return [
    build.cellTable(
      'check',
      'Check: the parts sum to the whole',
      '',
      [
        build.text('sum', 'Sum'),
        build.number(
          'error',
          'Largest relative error',
          'Over all prompts and layers: largest difference over the largest number of the whole; of a logit over the logit, at least 1.',
        ),
      ],
      [
        ['Heads and biases to what attention adds', check.heads],
        ['Stream, attention and MLP to the next stream', check.stream],
        ['All parts to the logit of the answer', check.logit],
      ],
    ),
  ];
}
