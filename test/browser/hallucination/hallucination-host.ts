/** The extension's side of the Hallucination panel, played over a planted model. */
import { untested } from '../../support/device/panel-devices';
import type { FromHallucinationPanel, HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import { laterAttention, laterVhd, picture, plantedMap, result, summary } from '../workbench/planted-result';

export const plan: HallucinationSetup = {
  mode: 'image',
  folder: summary.folder,
  image: picture.image.path,
  images: '/pictures',
  prompt: result.prompt ?? '',
  chat: false,
  span: null,
  truth: ['ball', 'box'],
  maxNewTokens: 32,
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  k: null,
  alpha: 2,
  reinforcedLayers: null,
  reinforcedOutliers: null,
  lexicon: '',
  setCaptions: 'reinforced',
  mostImages: null,
  seed: 0,
};

export type OpenMessage = Extract<ToHallucinationPanel, { kind: 'open' }>;

export const openMessage = (change: Partial<OpenMessage> = {}): OpenMessage => ({
  kind: 'open',
  place: 'full',
  devices: untested,
  models: [
    { folder: summary.folder, label: 'planted-vlm', family: 'llava', runs: true },
    { folder: '/models/text', label: 'text', family: 'llama', runs: true },
  ],
  plan,
  model: summary,
  picture,
  imageFolder: { folder: '/pictures', images: 301 },
  canRun: true,
  ...change,
});

export const finishedMessage = (change: Partial<OpenMessage> = {}): OpenMessage => openMessage({ result, ...change });

/** Answers what the panel asks, from the planted model; the test sends runs itself. */
export const answering =
  (opening: OpenMessage = openMessage()) =>
  (message: FromHallucinationPanel): readonly ToHallucinationPanel[] => {
    if (message.kind === 'ready') return [opening];
    if (message.kind === 'map') {
      const { removed } = opening.result ?? result;
      const map =
        removed.kind === 'span'
          ? Float32Array.from({ length: removed.end - removed.start }, (_, at) => (at === 5 ? 0.6 : 0.02))
          : plantedMap(message.step, message.heads);
      return [{ kind: 'map', request: message.request, map }];
    }
    if (message.kind === 'step') {
      const { textEnergy, outlier, selected } = result;
      return [
        {
          kind: 'step',
          request: message.request,
          step: { step: message.step, vhd: laterVhd, textEnergy, outlier, selected, visualAttention: laterAttention },
        },
      ];
    }
    if (message.kind === 'openImage') return [{ kind: 'picture', request: message.request, picture }];
    if (message.kind === 'tokenise') {
      const tokens = message.text.split(/(?= )/);
      return [{ kind: 'tokenised', request: message.request, tokenised: { ids: tokens.map((_, at) => at), tokens } }];
    }
    return [];
  };
