/** The statistics and the labels of heads in words: titles, units, and definitions as they are measured. */
import type { HeadLabel } from './heads';
import type { HeadStatistics } from './heads-schema';

type StatisticName = keyof HeadStatistics;

export interface StatisticInfo {
  readonly id: StatisticName;
  readonly title: string;
  /** The title inside a sentence. */
  readonly words: string;
  /** Absent: a probability mass, 0..1. */
  readonly unit?: 'nats' | 'tokens';
  readonly definition: string;
}

export const statisticInfos: readonly StatisticInfo[] = [
  {
    id: 'previousToken',
    title: 'Previous token',
    words: 'previous-token mass',
    definition: 'Mean over the queries i = 1..T-1 of p(i, i-1): the mass on the token just before.',
  },
  {
    id: 'firstToken',
    title: 'First token',
    words: 'first-token mass',
    definition: 'Mean over the queries i = 1..T-1 of p(i, 0): the mass on the first token, the usual attention sink.',
  },
  {
    id: 'selfToken',
    title: 'Self',
    words: 'self mass',
    definition: 'Mean over all queries i of p(i, i): the mass on the query’s own token.',
  },
  {
    id: 'entropy',
    title: 'Entropy',
    words: 'entropy',
    unit: 'nats',
    definition: 'Mean over all queries of -sum p ln p, in nats: 0 for one key, ln n for n equal keys.',
  },
  {
    id: 'meanDistance',
    title: 'Mean distance',
    words: 'mean distance',
    unit: 'tokens',
    definition: 'Mean over all queries i of sum_j p(i, j) (i - j): how many tokens back the head looks.',
  },
  {
    id: 'localWindow',
    title: 'Local window',
    words: 'local-window mass',
    definition: 'Mean over all queries i of the mass on the keys i-15..i: 16 tokens, the query’s own among them.',
  },
  {
    id: 'induction',
    title: 'Induction',
    words: 'induction mass',
    definition:
      'Mean, over the queries whose token occurred before, of the mass on the tokens after its (4 latest) earlier occurrences.',
  },
  {
    id: 'duplicateToken',
    title: 'Duplicate token',
    words: 'duplicate-token mass',
    definition: 'The same queries as induction: mass on the earlier occurrences of their own token.',
  },
];

interface LabelWords {
  readonly title: string;
  readonly definition: string;
  /** Stands for the label in a cell. */
  readonly letter: string;
  /** Its shape, by the place in the list of shapes: the same in every picture, whatever labels stand beside it. */
  readonly shape: number;
}

export const labelWords: Readonly<Record<HeadLabel, LabelWords>> = {
  'previous-token': {
    title: 'previous token',
    letter: 'P',
    shape: 2,
    definition: 'Mass on the token before each query. Null: each row’s probabilities shuffled over its keys.',
  },
  self: {
    title: 'self',
    letter: 'S',
    shape: 0,
    definition: 'Mass on the query’s own token. Null: each row’s probabilities shuffled over its keys.',
  },
  'first-token-sink': {
    title: 'first-token sink',
    letter: 'F',
    shape: 1,
    definition: 'Mass on the first token. Null: each row’s probabilities shuffled over its keys.',
  },
  local: {
    title: 'local',
    letter: 'L',
    shape: 6,
    definition: 'Mass on the 16 latest tokens. Null: each row’s probabilities shuffled over its keys.',
  },
  induction: {
    title: 'induction',
    letter: 'I',
    shape: 3,
    definition:
      'On a random sequence said twice: mass on the tokens after earlier occurrences. Null: the sequence not repeated.',
  },
  'duplicate-token': {
    title: 'duplicate token',
    letter: 'D',
    shape: 5,
    definition:
      'On a random sequence said twice: mass on earlier occurrences of the same token. Null: the sequence not repeated.',
  },
  uniform: {
    title: 'uniform',
    letter: 'U',
    shape: 7,
    definition:
      'Entropy over the mean of ln(readable keys): 1 when all keys are read equally. Null: rows drawn at random, all distributions over their keys equally likely.',
  },
  retrieval: {
    title: 'retrieval',
    letter: 'R',
    shape: 4,
    definition:
      'Keys and values in a random haystack, then the keys again, one separator before every value: share of queries that read the value of their key most. Null: the keys absent from the haystack.',
  },
};
