/**
 * Short documents about a few topics, and a small knowledge base. A document names one entity of each of its topics, and each further
 * word is of one of its topics or says nothing. The description of an entity holds words of its topic. Half of the entities are in no
 * training document: what they are about is said by their descriptions alone.
 */
import type { Random } from '../../../kernels/tensors/random';
import { sample, shuffled } from '../../tasks/draft';

export const topics = 8;
const wordsOfTopic = 10;
const commonWords = 40;
const entitiesOfTopic = 4;

/** Words of the documents by length; what is shown is by these. */
export const lengths = [4, 8, 16, 32] as const;
export const longest = 32;
const mostTopics = 3;
const descriptionWords = 6;
export const mostKnowledge = mostTopics * descriptionWords;

/** Chance that a word which is no entity is of a topic. */
const topicShare = 0.15;

// Ids: 0 is padding, then topic words by topic, common words, entities by topic.
const topicWord = (topic: number, at: number): number => 1 + topic * wordsOfTopic + at;
const commonWord = (at: number): number => 1 + topics * wordsOfTopic + at;
const entityWord = (topic: number, at: number): number =>
  1 + topics * wordsOfTopic + commonWords + topic * entitiesOfTopic + at;
export const vocabulary = entityWord(topics - 1, entitiesOfTopic - 1) + 1;

export interface Document {
  readonly words: readonly number[];
  /** Descriptions of its entities, one after the other. */
  readonly knowledge: readonly number[];
  /** Topics, ascending. */
  readonly labels: readonly number[];
}

/** `fresh`: entities that training documents never have, in place of those that they have. */
export function drawDocument(length: number, fresh: boolean, source: Random): Document {
  const all = Array.from({ length: topics }, (_, topic) => topic);
  const labels = sample(source, all, 1 + source.whole(mostTopics)).toSorted((a, b) => a - b);
  const half = entitiesOfTopic / 2;
  const entities = labels.map((topic) => entityWord(topic, source.whole(half) + (fresh ? half : 0)));
  const rest = Array.from({ length: length - entities.length }, () =>
    source.uniform() < topicShare
      ? topicWord(labels[source.whole(labels.length)] ?? 0, source.whole(wordsOfTopic))
      : commonWord(source.whole(commonWords)),
  );
  const knowledge = labels.flatMap((topic) =>
    shuffled(
      source,
      Array.from({ length: descriptionWords }, (_, at) =>
        at % 2 === 0 ? topicWord(topic, source.whole(wordsOfTopic)) : commonWord(source.whole(commonWords)),
      ),
    ),
  );
  return { words: shuffled(source, [...entities, ...rest]), knowledge, labels };
}

/** A word that says what it is: `T3` of topic 3, `E3` an entity of it, `-` one that says nothing. */
export function wordName(id: number): string {
  if (id === 0) return '';
  if (id < commonWord(0)) return `T${Math.floor((id - 1) / wordsOfTopic) + 1}`;
  if (id < entityWord(0, 0)) return '-';
  return `E${Math.floor((id - entityWord(0, 0)) / entitiesOfTopic) + 1}`;
}
