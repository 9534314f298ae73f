/** What the Heads panel does with a saved result before anything is drawn: its state, the cells of the grid and all their words. */
import { untested } from '../../support/device/panel-devices';
import type { SavedHeads } from '../../../extension/results/heads-file';
import { demoSetup, setupOfResult } from '../../../extension/panels/heads/default-setup';
import { headsDescription, headsDetails, headsFileName, labelLines } from '../../../extension/results/heads-words';
import { circumstances, finding } from '../../../webviews/panels/heads/finding';
import { announcementOf, cellsOf, gridLayout, gridModel, readoutOf } from '../../../webviews/panels/heads/grid-model';
import { initialState, receive, select } from '../../../webviews/panels/heads/state';
import { ablationColumns, headColumns, headRows, labelColumns } from '../../../webviews/panels/heads/tables';

const ink = { dark: true, background: '#1e1e1e', muted: '#9d9d9d' };
const latest = { tokenise: 0, row: 0, rowOf: undefined };

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
    const cells = cellsOf(model, gridLayout(model, 300), 2, ink);
    return [
      finding(state),
      circumstances(state),
      ...cells
        .slice(0, 64)
        .flatMap(({ layer, head }) => [announcementOf(model, { layer, head }), readoutOf(model, { layer, head })]),
      String(cells.length),
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
