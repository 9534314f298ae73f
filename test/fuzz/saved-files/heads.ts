/** What the Heads panel does with a saved result before anything is drawn: its state, the cells of the grid and all their words. */
import { untested } from '../../support/device/panel-devices';
import type { SavedHeads } from '../../../extension/results/heads-file';
import { demoSetup, setupOfResult } from '../../../extension/panels/heads/default-setup';
import { headsDescription, headsDetails, headsFileName, labelLines } from '../../../extension/results/heads-words';
import { circumstances, finding } from '../../../webviews/panels/heads/finding';
import { announcementOf, gridModel, readoutOf } from '../../../webviews/panels/heads/grid-model';
import { gridSection } from '../../../webviews/panels/heads/grid-section';
import { theme } from '../../unit/webviews/sections/theme';
import { initialState, receive, select } from '../../../webviews/panels/heads/state';
import { headsKind } from '../../../webviews/sections/heads/heads';
import { ablationColumns, headColumns, headRows, labelColumns } from '../../../webviews/panels/heads/tables';

const latest = { tokenise: 0 };

export function firstOfHeads({ result, thumbnails }: SavedHeads): unknown {
  const opened = receive(
    initialState('file'),
    {
      kind: 'open',
      place: 'file',
      models: [],
      devices: untested,
      plan: setupOfResult(result) ?? demoSetup(''),
      result,
      ...(thumbnails ? { thumbnails } : {}),
      canRun: true,
    },
    latest,
  );
  const words = [
    headsDescription(result),
    headsFileName(result),
    ...headsDetails(result),
    ...labelLines(result.classes).map(({ text }) => text),
  ];
  const said = (['class', 'picture', 'entropy', 'induction'] as const).flatMap((colouring) => {
    const state = { ...select(opened, { layer: 0, head: 0 }), view: { ...opened.view, colouring } };
    const model = gridModel(state);
    const { marks } = headsKind.picture(gridSection(state, model), {}, new Map()).draw(300, theme);
    const places = model.rows.flat();
    return [
      finding(state),
      circumstances(state),
      ...places
        .slice(0, 64)
        .flatMap(({ layer, head }) => [announcementOf(model, { layer, head }), readoutOf(model, { layer, head })]),
      String(marks.length),
    ];
  });
  const sorted = gridModel({ ...opened, view: { ...opened.view, sortBy: 'entropy', search: 'induction' } });
  const rows = headRows(opened);
  return [
    words.length + said.length,
    sorted.rows.length,
    rows.length * headColumns(opened).length,
    labelColumns(true, result).length + ablationColumns(true, result).length,
  ];
}
