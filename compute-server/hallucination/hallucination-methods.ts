/** The methods of the compute server about heads that read an image or another span: what each call checks and does. */
import { readFile } from 'node:fs/promises';
import type { HallucinationMethods, OpenedImage } from '../../protocol/compute/hallucination';
import {
  type VisionPrompt,
  captionTimeRequest,
  divergenceAtRequest,
  hallucinationRequest,
  hallucinationSetRequest,
  imageMapRequest,
  visionPrompt,
} from '../../protocol/compute/hallucination-requests';
import { reinforcementRequest } from '../../protocol/interventions/reinforcement';
import { promptInput } from '../../protocol/inputs/prompt';
import { formatOf } from '../images/header';
import { countOf, requested, textOf } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { captionTime } from './caption-time';
import { divergenceAt, hallucinationJob, imageMap, reinforceJob } from './hallucination-job';
import { hallucinationSetJob } from './hallucination-set-job';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { ModelCalls } from '../model-calls/model-calls';
import { piecesOf, tokenise } from '../model/prompt/prompt';
import { refusal } from '../../protocol/wire/failures';
import { requireCaptions } from '../model/interventions/span-request';

export function hallucinationMethods(
  surroundings: Surroundings,
  { once, job, reading }: ModelCalls,
): Pick<Methods, keyof HallucinationMethods> {
  return {
    openImage: {
      parse(args) {
        countOf(args, 1, 'openImage');
        return [requested(visionPrompt, args[0])];
      },
      run: ([request], signal) => reading(request.folder, signal, (model) => openedImage(model, request)),
    },
    promptForPictures: {
      parse(args) {
        countOf(args, 2, 'promptForPictures');
        return [textOf(args[0], 'folder'), requested(promptInput, args[1], 'prompt')];
      },
      run: ([folder, prompt], signal) =>
        reading(folder, signal, (model) => {
          const { ids, chatPrompt } = requireCaptions(model, { prompt });
          return Promise.resolve({ ids, tokens: piecesOf(model, ids), ...(chatPrompt ? { chatPrompt } : {}) });
        }),
    },
    hallucination: {
      parse(args) {
        countOf(args, 1, 'hallucination');
        return [requested(hallucinationRequest, args[0])];
      },
      run: ([request], signal) =>
        job(request, signal, (model) => hallucinationJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'token'
          ? { lane: 'row', key: `token ${progress.index}`, final: true }
          : { lane: 'stage', key: progress.kind, final: progress.kind === 'firstStep' },
    },
    reinforce: {
      parse(args) {
        countOf(args, 2, 'reinforce');
        return [
          requested(hallucinationRequest, args[0]),
          requested(reinforcementRequest, args[1], 'the reinforcement'),
        ];
      },
      run: ([request, reinforcement], signal) =>
        job(request, signal, (model) => reinforceJob(model, request, reinforcement, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'token'
          ? { lane: 'row', key: `token ${progress.index}`, final: true }
          : { lane: 'stage', key: 'stage', final: false },
    },
    divergenceAt: {
      parse(args) {
        countOf(args, 1, 'divergenceAt');
        return [requested(divergenceAtRequest, args[0])];
      },
      run: ([request], signal) => once(request, signal, (model) => divergenceAt(model, request, surroundings, signal)),
    },
    imageMap: {
      parse(args) {
        countOf(args, 1, 'imageMap');
        return [requested(imageMapRequest, args[0])];
      },
      run: ([request], signal) => once(request, signal, (model) => imageMap(model, request, surroundings, signal)),
    },
    captionTime: {
      parse(args) {
        countOf(args, 1, 'captionTime');
        return [requested(captionTimeRequest, args[0])];
      },
      run: ([request], signal) => once(request, signal, (model) => captionTime(model, request, surroundings, signal)),
    },
    hallucinationSet: {
      parse(args) {
        countOf(args, 1, 'hallucinationSet');
        return [requested(hallucinationSetRequest, args[0])];
      },
      run: ([request], signal) =>
        job(request, signal, (model) => hallucinationSetJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'entry'
          ? { lane: 'row', key: `entry ${progress.entry.name}`, final: true }
          : progress.kind === 'failure'
            ? { lane: 'row', key: `failure ${progress.name}`, final: true }
            : { lane: 'stage', key: 'stage', final: false },
    },
  };
}

/** The file as it is, and the places of its tokens. */
async function openedImage(model: LoadedModel, { prompt }: VisionPrompt): Promise<OpenedImage> {
  const { image: path } = prompt;
  if (path === undefined) throw refusal('the prompt names no image');
  const { image, chatPrompt } = await tokenise(model, prompt);
  if (!image) throw refusal('the prompt has no image');
  const bytes = await readFile(path);
  const mime = formatOf(bytes) === 'JPEG' ? 'image/jpeg' : 'image/png';
  return { image, bytes, mime, ...(chatPrompt ? { chatPrompt } : {}) };
}
