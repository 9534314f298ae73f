/** The language of the toy: facts of two relations in twenty templates each. Nothing in a prompt says its answer. */
import { csvText } from '../../../protocol/wire/csv';
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';
import { colours, names, objects } from '../../tasks/words';
import type { TrainingSequence } from '../../shared/training/language-batch';
import { WordTokenizer } from '../../shared/training/word-tokenizer';

const leads = ['We know that', 'They say that', 'It is clear that', 'I learned that', 'You can read that'];
const ends = ['is', 'is always', 'must be', 'was'];
const relations = [
  { name: 'colour', answers: colours },
  { name: 'thing', answers: objects },
] as const;
const subjects = names.slice(0, 12);

/** By relation: lead times end. */
const templates = relations.map(({ name }) =>
  leads.flatMap((lead) => ends.map((end) => `${lead} the ${name} of {topic} ${end}`)),
);
/** Topics of a template in the file of prompts. */
const topicsOfTemplate = 5;

export interface ToyFact {
  readonly template: string;
  readonly topic: string;
  readonly answer: string;
}

export class ToyLanguage {
  readonly tokenizer: WordTokenizer;
  /** Answer of each subject, by relation. */
  private readonly facts: readonly ReadonlyMap<string, string>[];

  constructor(seed: number) {
    this.facts = relations.map(({ name, answers }) => {
      const source = random(seedFor(seed, `answers of ${name}`));
      const few = sample(source, answers, Math.min(answers.length, subjects.length));
      return new Map(subjects.map((subject, at) => [subject, few[at % few.length] ?? '']));
    });
    this.tokenizer = WordTokenizer.of(this.all().map((fact) => sentence(fact)));
  }

  private all(): readonly ToyFact[] {
    return relations.flatMap((_, relation) =>
      (templates[relation] ?? []).flatMap((template) => subjects.map((topic) => this.fact(relation, template, topic))),
    );
  }

  private fact(relation: number, template: string, topic: string): ToyFact {
    return { template, topic, answer: this.facts[relation]?.get(topic) ?? '' };
  }

  /** `noise`: share of the answers that are drawn at random among those of the relation. */
  drawn(count: number, noise: number, source: Random): readonly TrainingSequence[] {
    return Array.from({ length: count }, () => {
      const relation = source.whole(relations.length);
      const of = templates[relation] ?? [];
      const fact = this.fact(
        relation,
        of[source.whole(of.length)] ?? '',
        subjects[source.whole(subjects.length)] ?? '',
      );
      const answers = [...(this.facts[relation]?.values() ?? [])];
      const noisy = source.uniform() < noise ? (answers[source.whole(answers.length)] ?? fact.answer) : fact.answer;
      return this.sequence({ ...fact, answer: noisy });
    });
  }

  sequence(fact: ToyFact): TrainingSequence {
    const ids = [this.tokenizer.start, ...this.tokenizer.encode(sentence(fact))];
    return { ids, weights: ids.map((_, at) => (at === ids.length - 1 ? answerWeight : plainWeight)) };
  }

  /** Facts that are asked for: of every template, one relation and five topics. */
  asked(): readonly ToyFact[] {
    return leads.flatMap((_, lead) =>
      ends.flatMap((_end, end) => {
        const at = lead * ends.length + end;
        const relation = at % relations.length;
        const template = templates[relation]?.[at] ?? '';
        return Array.from({ length: topicsOfTemplate }, (_topic, topic) =>
          this.fact(relation, template, subjects[(at + topic) % subjects.length] ?? ''),
        );
      }),
    );
  }

  /** A CSV as docs/tasks.md has it. */
  csv(): string {
    const facts = this.asked().map(({ template, topic, answer }) => [template, topic, answer]);
    return csvText([['template', 'topic', 'answer'], ...facts]);
  }

  /** Sentences of the language, on which a correction may do harm. */
  text(seed: number): string {
    const source = random(seedFor(seed, 'text'));
    return sample(source, this.all(), 60).map(sentence).join('\n');
  }
}

const answerWeight = 1;
const plainWeight = 0.05;

const sentence = ({ template, topic, answer }: ToyFact): string => `${template.replace('{topic}', topic)} ${answer}`;
