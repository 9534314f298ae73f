/** The extension's side of the heads panel, played over a planted model. */
import { untested } from '../../support/device/panel-devices';
import type { FromHeadsPanel, HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import {
  plantedModel,
  plantedNextTokens,
  plantedResult,
  plantedRow,
  plantedSummary,
  plantedThumbnails,
  plantedTile,
  type PlantedModel,
} from '../workbench/planted-model';

export const model = plantedModel();
export const result = plantedResult(model);
export const thumbnails = plantedThumbnails(model);

export const plan: HeadsSetup = {
  folder: '/models/planted',
  prompt: { kind: 'text', text: result.prompt ?? '' },
  interventions: [],
  classify: true,
  causal: true,
  seed: 0,
};

export type OpenMessage = Extract<ToHeadsPanel, { kind: 'open' }>;

export const openMessage = (change: Partial<OpenMessage> = {}): OpenMessage => ({
  kind: 'open',
  place: 'full',
  devices: untested,
  models: [
    { folder: '/models/planted', label: 'planted', family: 'llama', runs: true },
    { folder: '/models/other', label: 'other', family: 'gpt2', runs: true },
    {
      folder: '/models/quantised',
      label: 'quantised',
      family: 'llama',
      runs: 'Its weights are quantised (GPTQ): use the float16 checkpoint.',
    },
  ],
  plan,
  model: plantedSummary(model),
  canRun: true,
  ...change,
});

export const finishedMessage = (change: Partial<OpenMessage> = {}): OpenMessage =>
  openMessage({ result, thumbnails, savedAs: 'heads-planted.headscope-heads.json', ...change });

/** Answers what the panel asks, from the planted model; the test sends runs and generation itself. */
export const answering =
  (opening: OpenMessage = openMessage(), planted: PlantedModel = model) =>
  (message: FromHeadsPanel): readonly ToHeadsPanel[] => {
    if (message.kind === 'ready') return [opening];
    if (message.kind === 'tokenise') {
      const { prompt, request } = message;
      const tokenised =
        prompt.kind === 'ids'
          ? { ids: prompt.ids, tokens: prompt.ids.map((id) => `<${id}>`) }
          : { ids: planted.ids, tokens: planted.tokens };
      return [{ kind: 'tokenised', request, tokenised }];
    }
    if (message.kind === 'tile') {
      const { kind: _kind, request, ...rectangle } = message;
      return [{ kind: 'tile', request, tile: plantedTile(planted, rectangle) }];
    }
    if (message.kind === 'row') {
      const { request, layer, head, query } = message;
      return [{ kind: 'row', request, row: plantedRow(planted, layer, head, query) }];
    }
    if (message.kind === 'nextTokens') {
      return [
        { kind: 'nextTokens', request: message.request, distributions: plantedNextTokens(message.interventions) },
      ];
    }
    if (message.kind === 'chooseModel') {
      return [{ kind: 'model', model: plantedSummary(planted, { folder: message.folder, name: 'other' }) }];
    }
    return [];
  };
