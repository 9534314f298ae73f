/** The workbench over a result of heads of a planted model, and what the extension answers about its prompt. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import { resultOfHeads } from '../../../protocol/results/earlier/heads';
import { headsAnalysis } from '../../../protocol/results/labelled-heads';
import {
  plantedModel,
  plantedNextTokens,
  plantedResult,
  plantedRow,
  plantedSummary,
  plantedTile,
} from './planted-model';
import { answering, openMessage, pair, type OpenMessage } from './workbench-host';

const model = plantedModel();
/** The numbers themselves, and the model that has them. */
export const plantedHeads = { model, result: plantedResult(model) };
export const planted = resultOfHeads(plantedHeads.result);
export const summary = plantedSummary(model);
export const plan = setupOfAnalysis(planted);

const heads: AnalysisInfo = { ...pair, ...headsAnalysis, inputs: ['prompt'], parameters: {}, group: 'patterns' };

export const finished = (change: Partial<OpenMessage> = {}): OpenMessage =>
  openMessage({ result: planted, plan, model: summary, analyses: [heads, pair], ...change });

export const answeringTrials = (opening: OpenMessage = finished()) => {
  const others = answering(opening);
  return (message: FromWorkbench): readonly ToWorkbench[] => {
    if (message.kind === 'tile') {
      const { kind: _kind, request, prompt: _prompt, ...rectangle } = message;
      return [{ kind: 'tile', request, tile: plantedTile(model, rectangle) }];
    }
    if (message.kind === 'row') {
      const { request, layer, head, query } = message;
      return [{ kind: 'row', request, row: plantedRow(model, layer, head, query) }];
    }
    if (message.kind === 'nextTokens') {
      return [
        { kind: 'nextTokens', request: message.request, distributions: plantedNextTokens(message.interventions) },
      ];
    }
    if (message.kind === 'tokenise' && message.prompt.kind === 'text') {
      const tokens = message.prompt.text.match(/ ?[^ ]+/gu) ?? [];
      return [{ kind: 'tokenised', request: message.request, tokenised: { tokens, ids: tokens.map((_, at) => at) } }];
    }
    return others(message);
  };
};
