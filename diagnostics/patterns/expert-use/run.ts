/** The run of the analysis `expert-use`: documents one by one, then the tests. */
import { mean, standardDeviation } from 'simple-statistics';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { drawnDocuments } from '../../shared/corpus/drawn-documents';
import { loadsOf, routedBlocks, routerTapsOf, routingOf } from '../../shared/routed-experts';
import type { ExpertUseParameters } from './parameters';
import { mostPreferences, type ExpertUseResult, type LayerUse, type Preference, type Test } from './result';
import { byDomain, byPosition, byToken, type ReadDocument } from './sorted-tokens';
import { specialisation, type Choices } from './specialisation';

type Job = AnalysisJob<ExpertUseParameters>;

/** What a document gave in one layer. */
interface Taken {
  /** [tokens][experts of a token] */
  readonly chosen: Int16Array;
  readonly entropies: Float64Array;
}

/** Deals between two places where a run can be cancelled. */
const dealsAtOnce = 10;

export async function* runExpertUse(
  model: ModelRunner,
  job: Job,
): AsyncGenerator<Step<ExpertUseResult>, ExpertUseResult> {
  const { parameters, variant, seed, step } = job;
  const { permutations, least } = parameters;
  const { documents, sequences, domains } = await documentsOf(model, job);
  const blocks = routedBlocks(model.facts);
  const taken: (readonly Taken[])[] = [];
  // Tests take about as long as some documents.
  const total = documents.length + 3;
  for (const [at, sequence] of sequences.entries()) {
    yield { sentence: `Document ${at + 1} of ${sequences.length}`, done: at, total };
    taken.push(
      await step(`document ${at}`, async () => {
        const { layers } = await model.run({
          ...sequence,
          variants: [variant],
          taps: routerTapsOf(blocks),
          logits: 'none',
        });
        return blocks.map((block): Taken => {
          const { chosen, entropies } = routingOf(layers[block.layer] ?? { taps: {} }, block);
          return { chosen: Int16Array.from(chosen.flat()), entropies: Float64Array.from(entropies) };
        });
      }),
    );
  }
  const choices = blocks.map(({ layer, count, perToken }, at): Choices => {
    const pieces = taken.map((document) => document[at]?.chosen ?? new Int16Array(0));
    const chosen = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let first = 0;
    for (const piece of pieces) {
      chosen.set(piece, first);
      first += piece.length;
    }
    return { layer, experts: count, perToken, chosen };
  });
  const plain = choices.map((own, at) =>
    useOf(
      own,
      taken.flatMap((document) => [...(document[at]?.entropies ?? [])]),
    ),
  );
  const tests: (readonly Test[])[] = [];
  const preferences: Preference[] = [];
  const result = (): ExpertUseResult => ({
    documents: documents.length,
    tokens: documents.reduce((sum, { ids }) => sum + ids.length, 0),
    ...{ permutations, least, domains },
    layers: plain.map((layer, at) => ({ ...layer, tests: tests.flatMap((of) => of[at] ?? []) })),
    preferences: [...preferences].sort((a, b) => b.deviation - a.deviation).slice(0, mostPreferences),
  });
  const ways = [byToken(documents, least), byPosition(documents), byDomain(documents, domains)];
  for (const [way, sorted] of ways.entries()) {
    if (!sorted || sorted.names.length < 2) continue;
    const sentence = `Random permutations by ${sorted.by}`;
    yield { sentence, done: documents.length + way, total, partial: result() };
    const testing = specialisation(choices, sorted, permutations, seed, mostPreferences);
    for (let deal = 1; ; deal++) {
      const next = testing.next();
      if (next.done) {
        tests.push(next.value.tests);
        preferences.push(...named(model, next.value.preferences));
        break;
      }
      if (deal % dealsAtOnce === 0) yield { sentence, done: documents.length + way + next.value, total };
    }
  }
  return result();
}

/** Tokens by their text. */
const named = (model: ModelRunner, all: readonly Preference[]): readonly Preference[] => {
  const pieces = model.pieces(all.map(({ by, name }) => (by === 'token' ? Number(name) : 0)));
  return all.map((one, at) => (one.by === 'token' ? { ...one, name: pieces[at] ?? one.name } : one));
};

function useOf({ layer, experts, perToken, chosen }: Choices, entropies: readonly number[]): Omit<LayerUse, 'tests'> {
  const loads = loadsOf({ count: experts }, [Array.from(chosen)]);
  const known = entropies.filter((entropy) => !Number.isNaN(entropy));
  return {
    ...{ layer, experts, perToken, loads },
    variation: standardDeviation([...loads]) / mean([...loads]),
    unused: loads.filter((load) => load === 0).length / experts,
    entropy: known.length > 0 ? mean(known) : Number.NaN,
  };
}

interface Documents {
  readonly documents: readonly ReadDocument[];
  readonly sequences: readonly Sequence[];
  readonly domains: readonly string[];
}

async function documentsOf(model: ModelRunner, { input, parameters, seed }: Job): Promise<Documents> {
  const { corpus, prompts } = input;
  const { tokens, documents: most } = parameters;
  if (!corpus) {
    const sequences = prompts.map((prompt) => ({ ...prompt }));
    return { documents: sequences.map(({ ids }) => ({ ids, domain: -1 })), sequences, domains: [] };
  }
  const drawn = await drawnDocuments(model, corpus, { documents: most, tokens }, seed);
  const named = drawn.map(({ document }) => document?.source);
  const domains = [...new Set(named.filter((source) => source !== undefined))].sort();
  const documents = drawn.map(({ ids }, at) => ({
    ids,
    domain: named[at] === undefined ? -1 : domains.indexOf(named[at]),
  }));
  return { documents, sequences: documents.map(({ ids }) => ({ ids })), domains };
}
