/** Gates found on pass keys: trained by their gradient, or by what the distance grows by when a head alone streams. */
import type { Gates } from '../../../protocol/plans/gates';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { underPlan } from '../../shared/plans/plan-variant';
import { gateStep, meanGate, startingGates, type GateState } from './gate-training';
import { keyPrompt, type KeySource } from './pass-keys';
import type { DuoParameters } from './parameters';
import type { GatePoint } from './result';
import { distanceOf, fullRun, mixedRun, trainingPlan } from './two-way';

/** Steps of the training between two that are kept. */
const every = 10;

export interface Found {
  readonly gates: Gates;
  readonly curve: readonly GatePoint[];
}

interface Finding {
  readonly model: ModelRunner;
  readonly source: KeySource;
  readonly parameters: DuoParameters;
  readonly seed: number;
  readonly step: AnalysisJob<DuoParameters>['step'];
}

/** Lists of all heads as a table of layers. */
function byLayer(flat: readonly number[], kvHeads: readonly number[]): Gates {
  let from = 0;
  return kvHeads.map((heads) => flat.slice(from, (from += heads)));
}

const kvHeadsOf = ({ facts }: ModelRunner): readonly number[] => facts.blocks.map(({ kvHeads }) => kvHeads);

export async function* trainedGates({ model, source, parameters, seed, step }: Finding): AsyncGenerator<Found, Found> {
  const kvHeads = kvHeadsOf(model);
  const { steps } = parameters;
  let state = startingGates(kvHeads.reduce((sum, heads) => sum + heads, 0));
  const curve: GatePoint[] = [];
  while (state.step < steps) {
    yield { gates: byLayer(state.gates, kvHeads), curve: [...curve] };
    const until = Math.min(steps, state.step + every);
    const from = state;
    const kept = await step(`step ${until}`, async () => {
      let now: GateState = from;
      const points: GatePoint[] = [];
      while (now.step < until) {
        model.signal.throwIfAborted();
        const prompt = keyPrompt(source, parameters, seed, `step ${now.step}`);
        const { distance, gradient } = await mixedRun(model, prompt, byLayer(now.gates, kvHeads), parameters);
        points.push({ step: now.step + 1, distance, mean: meanGate(now.gates) });
        now = gateStep(now, gradient.flat(), parameters);
      }
      return { state: now, points };
    });
    state = kept.state;
    curve.push(...kept.points);
  }
  return { gates: byLayer(state.gates, kvHeads), curve };
}

/** Mean over `steps` prompts of the distance when the head alone streams; of all other heads the full run is kept. */
export async function* firstOrderGates({
  model,
  source,
  parameters,
  seed,
  step,
}: Finding): AsyncGenerator<Found, Found> {
  const kvHeads = kvHeadsOf(model);
  const streams = trainingPlan(parameters);
  const sums = kvHeads.map((heads) => new Array<number>(heads).fill(0));
  const soFar = (prompts: number): Found => ({
    gates: sums.map((row) => row.map((sum) => sum / Math.max(1, prompts))),
    curve: [],
  });
  for (let at = 0; at < parameters.steps; at++) {
    const prompt = keyPrompt(source, parameters, seed, `step ${at}`);
    for (const [layer, heads] of kvHeads.entries()) {
      yield soFar(at);
      const own = await step(`prompt ${at}, layer ${layer}`, async () => {
        const full = await fullRun(model, prompt, false);
        const distances: number[] = [];
        for (let head = 0; head < heads; head++) {
          model.signal.throwIfAborted();
          const plan = onlyStreaming(kvHeads, layer, head, streams);
          distances.push(await distanceOf(model, prompt, full, underPlan(plan, prompt.ids.length)));
        }
        return distances;
      });
      own.forEach((distance, head) => (sums[layer]![head] = (sums[layer]?.[head] ?? 0) + distance));
    }
  }
  return soFar(parameters.steps);
}

const onlyStreaming = (
  kvHeads: readonly number[],
  layer: number,
  head: number,
  streams: HeadPlan,
): readonly (readonly HeadPlan[])[] =>
  kvHeads.map((heads, at) =>
    Array.from({ length: heads }, (_, other) => (at === layer && other === head ? streams : fullPlan)),
  );
