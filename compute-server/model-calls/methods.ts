/** The methods of the compute server that run models: what each call checks and does. */
import { isCapture } from '../../protocol/wire/capture-name';
import type { ModelMethods } from '../../protocol/compute/models';
import type { CaptureCalls } from '../captures/capture-calls';
import { CapturedRunner, capturedSummary } from '../captures/captured-runner';
import { countOf, deviceIn, requested, textOf, weightsIn } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { generateJob, nextTokens } from './generate-job';
import type { ModelCalls } from './model-calls';
import { requireParity } from '../model/checkpoint/parity';
import { piecesOf, readerOf, sequenceOf, tokenise } from '../model/prompt/prompt';
import { requireCaptions } from '../model/interventions/span-request';
import { captionTime } from './caption-time';
import {
  captionTimeRequest,
  generateRequest,
  modelRunRequest,
  nextTokensRequest,
  servingMeasureRequest,
  steeringRequest,
} from '../../protocol/compute/model-requests';
import { measureServing } from './measure-serving';
import { runModel } from './run-model';
import { steeringJob } from './steering-job';
import { promptInput, promptOrImage } from '../../protocol/inputs/prompt';

export function modelMethods(
  surroundings: Surroundings,
  calls: ModelCalls,
  captures: CaptureCalls,
): Pick<Methods, keyof ModelMethods> {
  const { once, job, reading, opening } = calls;

  return {
    openModel: {
      parse(args) {
        countOf(args, 1, 'openModel', 3);
        const [device] = deviceIn(args[1] ?? undefined);
        const adapter = args[3] ?? undefined;
        const [weights] = weightsIn(args[2]);
        return [
          textOf(args[0], 'folder'),
          device,
          weights,
          adapter === undefined ? undefined : textOf(adapter, 'adapter'),
        ];
      },
      run: ([folder, device, weights, adapter], signal) =>
        isCapture(folder)
          ? captures.once(folder, signal, (capture) => Promise.resolve(capturedSummary(capture)))
          : opening({ folder, device, weights, adapter }, signal, (model) => Promise.resolve(model.summary)),
    },
    tokenise: {
      parse(args) {
        countOf(args, 2, 'tokenise');
        return [textOf(args[0], 'folder'), requested(promptOrImage, args[1], 'prompt')];
      },
      run: ([folder, prompt], signal) =>
        isCapture(folder)
          ? captures.once(folder, signal, async (capture) => {
              const { ids, tokens } = await new CapturedRunner(capture, signal).prompt(prompt);
              return { ids, tokens };
            })
          : reading({ folder }, signal, (model) => tokenise(model, prompt)),
    },
    promptForPictures: {
      parse(args) {
        countOf(args, 2, 'promptForPictures');
        return [textOf(args[0], 'folder'), requested(promptInput, args[1], 'prompt')];
      },
      run: ([folder, prompt], signal) =>
        reading({ folder }, signal, (model) => {
          const { ids, chatPrompt } = requireCaptions(model, prompt);
          return Promise.resolve({ ids, tokens: piecesOf(model, ids), ...(chatPrompt ? { chatPrompt } : {}) });
        }),
    },
    captionTime: {
      parse(args) {
        countOf(args, 1, 'captionTime');
        return [requested(captionTimeRequest, args[0])];
      },
      run: ([request], signal) => once(request, signal, (model) => captionTime(model, request, surroundings, signal)),
    },
    parity: {
      parse(args) {
        countOf(args, 2, 'parity', 1);
        return [textOf(args[0], 'folder'), requested(promptOrImage, args[1], 'prompt'), ...deviceIn(args[2])];
      },
      run: ([folder, prompt, device], signal) =>
        once({ folder, device }, signal, async (model) => {
          const sequence = await sequenceOf(model, prompt, { memoryLimit: surroundings.memoryLimit, signal });
          return requireParity(readerOf(model, prompt), sequence, { signal });
        }),
    },
    nextTokens: {
      parse(args) {
        countOf(args, 1, 'nextTokens');
        return [requested(nextTokensRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, async (model) => nextTokens(model, request, surroundings, signal)),
    },
    runModel: {
      parse(args) {
        countOf(args, 1, 'runModel');
        return [requested(modelRunRequest, args[0])];
      },
      run: ([request], signal) => once(request, signal, (model) => runModel(model, request, surroundings, signal)),
    },
    measureServing: {
      parse(args) {
        countOf(args, 1, 'measureServing');
        return [requested(servingMeasureRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, (model) => measureServing(model, request, surroundings, signal)),
    },
    steeringVector: {
      parse(args) {
        countOf(args, 1, 'steeringVector');
        return [requested(steeringRequest, args[0])];
      },
      run: ([request], signal) => job(request, signal, (model) => steeringJob(model, request, surroundings, signal)),
      describe: () => ({ lane: 'stage', key: 'stage', final: false }),
    },
    generate: {
      parse(args) {
        countOf(args, 1, 'generate');
        return [requested(generateRequest, args[0])];
      },
      run: ([request], signal) => job(request, signal, (model) => generateJob(model, request, surroundings, signal)),
      describe: (progress) => ({ lane: 'row', key: `token ${progress.index}`, final: true }),
    },
  };
}
