import { continued, type GenerationRequest, type GeneratedToken } from '../../diagnostics/model-runner/decoding';
import type { LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import type { SequenceRunRequest } from '../../compute-server/model/generation/sequence-run-request';

/** A prompt and what the model makes of it, token by token. */
export async function* generate(
  spec: LoadedModel['spec'],
  sessions: LoadedModel['sessions'],
  request: SequenceRunRequest & GenerationRequest,
): AsyncGenerator<GeneratedToken> {
  yield* continued(await SequenceRun.start(spec, sessions, request), request);
}
