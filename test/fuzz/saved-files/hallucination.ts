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
import { entryColumns } from '../../../webviews/panels/hallucination/csv-files';
import { sectionsOfResult } from '../../../webviews/panels/hallucination/result-sections';
import { sectionsOfSet } from '../../../webviews/panels/hallucination/set-sections';
import { initialState, receive, type State } from '../../../webviews/panels/hallucination/state';
import { wordTVhd } from '../../../protocol/results/sections/word-numbers';
import { kindOf } from '../../../webviews/sections/sections';

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
  return [words.length, lines, columns, ...captionsOf(state), ...sectionsShown(state)];
}

function captionsOf({ result, set }: State): readonly number[] {
  const captions = result
    ? [result.caption, ...result.variants]
    : (set?.entries.flatMap(({ plain, variants }) => [plain, ...variants]) ?? []);
  return captions
    .slice(0, 16)
    .map((caption) => caption.mentions.slice(0, 64).map((mention) => wordTVhd(caption, mention)).length);
}

function sectionsShown(state: State): readonly number[] {
  return [...sectionsOfResult(state), ...sectionsOfSet(state)].map((section) => {
    const kind = kindOf(section);
    return kind?.isEmpty(section) === false ? kind.twin(section, {}).rows.length : 0;
  });
}
