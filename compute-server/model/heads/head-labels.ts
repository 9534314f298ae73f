/** Scores and labels of the heads of a run: random sequences are run beside it for what its prompt cannot show. */
import { leastDeviation } from '../../../diagnostics/patterns/confidence';
import {
  judged,
  labelsAmong,
  scoreHeads,
  type JudgedScore,
  type ProbeScores,
} from '../../../diagnostics/patterns/labels';
import {
  probePeriod,
  repeatedSequence,
  unrepeatedSequence,
  type Probe,
  type ProbeSettings,
} from '../../../diagnostics/patterns/probes';
import {
  absentNeedles,
  retrievalProbe,
  retrievalScores,
  type RetrievalProbe,
} from '../../../diagnostics/patterns/retrieval';
import type { HeadsRequest } from '../../../protocol/compute/models';
import type { HeadClass, HeadLabel, LabelScores } from '../../../protocol/results/heads';
import type { Surroundings } from '../../surroundings';
import { planChunk } from '../run/budget';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { runPrompt } from '../run/model-run';
import type { LayerResult, RunRequest } from '../run/run-request';

/** Random sequences behind the null model of each probe. */
const nullSeeds = 6;

export interface LabelledHeads {
  readonly classes: readonly HeadClass[];
  readonly scores: Readonly<Partial<Record<HeadLabel, LabelScores>>>;
}

export async function labelHeads(
  model: LoadedModel,
  length: number,
  layers: readonly LayerResult[],
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<LabelledHeads> {
  const prompt = layers.map(({ statistics }) => {
    if (!statistics) throw new RangeError('a layer has no statistics');
    return statistics;
  });
  const run = async (ids: readonly number[], asked: Partial<RunRequest>) =>
    (
      await runPrompt(
        model.spec,
        model.sessions,
        {
          ids,
          variants: [{ gains: request.gains }],
          chunk: planChunk(
            model.spec,
            { length: ids.length, batch: 1, keepCache: false, logits: 'none' },
            surroundings.memoryLimit,
          ),
          ...asked,
          logits: 'none',
        },
        { signal },
      )
    ).layers;
  const measure = async (repetition: Probe, needles: RetrievalProbe): Promise<ProbeScores[]> => {
    const repeated = await run(repetition.ids, { statistics: true, earlier: repetition.earlier });
    const searched = await run(needles.ids, { topKeys: 'all' });
    return repeated.map(({ statistics }, layer) => {
      const top = searched[layer]?.top;
      return {
        induction: statistics?.induction ?? [],
        duplicateToken: statistics?.duplicateToken ?? [],
        retrieval: top ? retrievalScores(needles, top) : [],
      };
    });
  };
  const settings = probeSettings(model, request.seed);
  let probed: ProbeScores[] = [];
  const unstructured: ProbeScores[][] = [];
  if (settings) {
    probed = await measure(repeatedSequence(settings), retrievalProbe(settings));
    for (let more = 1; more <= nullSeeds; more++) {
      const other = { ...settings, seed: request.seed + more };
      unstructured.push(await measure(unrepeatedSequence(other), absentNeedles(other)));
    }
  }
  const { causal, windows } = model.summary;
  const scores = scoreHeads({ prompt, length, causal, windows, probed, unstructured });
  return { classes: labelsAmong(scores), scores: inTables(judged(scores)) };
}

type ScoreTable = LabelScores & Record<'score' | 'nullMean' | 'nullSd' | 'confidence' | 'needed', number[][]>;

function inTables(scores: readonly JudgedScore[]): LabelledHeads['scores'] {
  const tables: Partial<Record<HeadLabel, ScoreTable>> = {};
  for (const { layer, head, label, score, null: none, confidence, needed } of scores) {
    const { mean, sd, seeds } = none;
    const table = (tables[label] ??= {
      score: [],
      nullMean: [],
      nullSd: [],
      ...(seeds === undefined ? {} : { nullSeeds: seeds, nullFloor: leastDeviation }),
      confidence: [],
      needed: [],
    });
    const put = (rows: number[][], value: number): void => {
      (rows[layer] ??= [])[head] = value;
    };
    put(table.score, score);
    put(table.nullMean, mean);
    put(table.nullSd, sd);
    put(table.confidence, confidence);
    put(table.needed, needed);
  }
  return tables;
}

/** Undefined when vocabulary or context are too small for a probe: then no label that needs one is given. */
export function probeSettings(model: LoadedModel, seed: number): ProbeSettings | undefined {
  const { vocabulary, contextLength } = model.summary;
  const special = model.description.tokenIds.flatMap(({ ids }) => ids);
  const avoid = [...new Set(special)].filter((id) => id >= 0 && id < vocabulary);
  const period = probePeriod(vocabulary, avoid.length, contextLength);
  return period === undefined ? undefined : { vocabulary, avoid, bosId: model.bosId, period, seed };
}
