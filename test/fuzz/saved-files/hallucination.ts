/** What the Hallucination panel does with a saved result before anything is drawn. */
import { untested } from '../../support/device/panel-devices';
import { demoSetup, setupOfSaved } from '../../../extension/panels/hallucination/default-setup';
import type { SavedHallucination } from '../../../extension/results/hallucination-file';
import {
  hallucinationDescription,
  hallucinationFileName,
  hallucinationLines,
} from '../../../extension/results/hallucination-words';
import { circumstances, finding } from '../../../webviews/panels/hallucination/finding';
import { runsOf, scaleOf, tokenWords, wordTVhd } from '../../../webviews/panels/hallucination/ribbon-model';
import { lacking, mapHeads, stepOf } from '../../../webviews/panels/hallucination/shown';
import { initialState, receive, type State } from '../../../webviews/panels/hallucination/state';
import { entryColumns } from '../../../webviews/panels/hallucination/tables';
import { announcementOf, readoutOf, vhdModel } from '../../../webviews/panels/hallucination/vhd-model';

const latest = { openImage: 0, tokenise: 0 };
const demo = demoSetup({ folder: '', scenes: '', image: '', truth: null });

export function firstOfHallucination(saved: SavedHallucination): unknown {
  const state = receive(
    initialState('file'),
    {
      kind: 'open',
      place: 'file',
      models: [],
      devices: untested,
      plan: setupOfSaved(saved, demo),
      canRun: true,
      ...(saved.kind === 'headscope-hallucination-set' ? { set: saved } : { result: saved }),
    },
    latest,
  );
  const words = [finding(state), circumstances(state), hallucinationDescription(saved), hallucinationFileName(saved)];
  const lines = hallucinationLines(saved).length;
  const columns = saved.kind === 'headscope-hallucination-set' ? entryColumns(saved.entries).length : 0;
  return [words.length, lines, columns, ...captionsOf(state), ...stepsOf(state)];
}

function captionsOf({ result, set }: State): readonly number[] {
  const captions = result
    ? [result.caption, ...result.variants]
    : (set?.entries.flatMap(({ plain, variants }) => [plain, ...variants]) ?? []);
  scaleOf(captions);
  return captions.slice(0, 16).map((caption) => {
    const words = caption.mentions.slice(0, 64).map((mention) => wordTVhd(caption, mention));
    const spoken = caption.tokens
      .slice(0, 64)
      .map((token, at) => tokenWords(token, at, caption.mentions[0], 'the picture'));
    return runsOf(caption).length + words.length + spoken.length;
  });
}

function stepsOf(state: State): readonly number[] {
  const step = stepOf(state);
  if (!step || !state.result) return [];
  const { k, caption } = state.result;
  const reinforced = caption.reinforcement?.layers ?? [];
  return (['divergence', 'attention'] as const).map((measure) => {
    const model = vhdModel(step, { k, reinforced, lacks: lacking(state), measure });
    const heads = mapHeads({ ...state, view: { ...state.view, map: 'all' } });
    for (const place of heads.slice(0, 64)) {
      announcementOf(model, place);
      readoutOf(model, place);
    }
    return heads.length;
  });
}
