/** A steering vector of two sets of prompts, with the checks of a run of a model. */
import { meanDifference } from '../../diagnostics/shared/steering/mean-difference';
import type { Prompt } from '../../diagnostics/model-runner/model-runner';
import type { SteeringProgress, SteeringReply } from '../../protocol/compute/steering';
import type { SteeringRequest } from '../../protocol/compute/model-requests';
import { refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { requireParity } from '../model/checkpoint/parity';
import { ServerRunner } from '../runner/runner';
import type { Surroundings } from '../surroundings';

export async function* steeringJob(
  model: LoadedModel,
  request: SteeringRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<SteeringProgress, SteeringReply> {
  if (model.source) {
    throw refusal(
      'The model is an encoder-decoder, and a steering vector is made of prompts of one text. Choose such a model.',
    );
  }
  const count = model.spec.blocks.length;
  const layers = [...new Set(request.layers ?? model.spec.blocks.map(({ index }) => index))].sort((a, b) => a - b);
  const beyond = layers.find((layer) => layer >= count);
  if (beyond !== undefined) throw refusal(`There is no layer ${beyond}: the model has ${count}, from 0.`);
  const runner = new ServerRunner(model, model, surroundings, signal);
  const prompts = (texts: readonly string[]): Promise<Prompt[]> =>
    Promise.all(texts.map((text) => runner.prompt({ kind: 'text', text, ...(request.chat ? { chat: true } : {}) })));
  const [toward, from] = [await prompts(request.toward), await prompts(request.from)];
  const [first] = toward;
  if (!first) throw refusal('There is no prompt to go toward.');
  const parity = await requireParity(model, first, { signal });
  const run = meanDifference(runner, { toward, from, layers, position: request.position });
  const total = toward.length + from.length;
  for (;;) {
    signal.throwIfAborted();
    const step = await run.next();
    if (step.done) return { hiddenSize: model.spec.hiddenSize, vectors: step.value, parity };
    yield { kind: 'prompt', done: step.value, total };
  }
}
