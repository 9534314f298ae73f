/** What MULTI-LANE shows of the first picture. */
import type { Picture } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import type { Tensor } from '../../tensors/tensor';
import { layerMultiplyAdds, pathwayMultiplyAdds, type LayerSize } from './lane';

interface Shown {
  /** W [b, G, N] by layer and task. */
  readonly maps: readonly (readonly Tensor[])[];
  readonly output: Tensor;
  readonly grid: number;
  readonly layer: LayerSize;
  readonly tasks: number;
  readonly classes: number;
  readonly cached: boolean;
}

/** A selector's map over the patches, the class token left out. */
const overGrid = (map: Tensor, selector: number, grid: number): readonly (readonly number[])[] =>
  rowsOf(map.data.slice(selector * map.shape[2]! + 1, (selector + 1) * map.shape[2]!), grid, grid);

export function lanePictures({ maps, output, grid, layer, tasks, classes, cached }: Shown): readonly Picture[] {
  const n = grid * grid + 1;
  const last = maps.length - 1;
  const shown = [
    { at: 0, task: 0, selector: 0 },
    { at: 0, task: 0, selector: 1 },
    { at: 0, task: 1, selector: 0 },
    { at: last, task: 0, selector: 0 },
  ].filter(({ task, selector }) => task < tasks && selector < layer.selectors);
  const whole = (count: number): number => count * layerMultiplyAdds(n, layer.width);
  const lanes = (count: number, selectors: number): number =>
    whole(1) + count * pathwayMultiplyAdds(n, { ...layer, selectors }, cached);
  const counts = [1, 2, 4, 8, 16];
  const sizes = Array.from({ length: 12 }, (_, i) => Math.max(1, Math.round((i * n) / 11)));
  return [
    ...shown.map(({ at, task, selector }): Picture => ({
      kind: 'heat-map',
      id: `map-${at}-${task}-${selector}`,
      title: `Selector ${selector + 1} of task ${task + 1}, layer ${at + 1}`,
      caption: `Which patches go into the summary; even attention would be ${(1 / n).toPrecision(2)} everywhere.`,
      unit: '',
      definition: 'W = softmax over tokens of s . x / sqrt(C), at the patches',
      scale: 'sequential',
      rows: { title: 'Row of patches' },
      columns: { title: 'Column of patches' },
      values: overGrid(maps[at]![task]!, selector, grid),
    })),
    {
      kind: 'heat-map',
      id: 'classes',
      title: 'Scores of classes by task',
      caption: 'Each row comes from the pathway of its own task alone; a new task adds a row and changes no other.',
      unit: '',
      definition: 'Unit features of the pathway times the rows of its classes, and their offsets',
      scale: 'diverging',
      rows: { title: 'Task', labels: Array.from({ length: tasks }, (_, t) => `task ${t + 1}`) },
      columns: { title: 'Class of the task' },
      values: rowsOf(output.data, tasks, classes),
    },
    {
      kind: 'chart',
      id: 'cost-tasks',
      title: 'Work of a layer by tasks',
      caption: `Pathways of ${layer.selectors} selectors beside one frozen pass, against a pass of its own for each task.`,
      x: { title: 'Tasks', unit: '', scale: 'log2' },
      y: { title: 'Multiply-adds', unit: '', scale: 'log10' },
      series: [
        { title: 'pathways', mark: 'line', points: counts.map((x) => ({ x, y: lanes(x, layer.selectors) })) },
        { title: 'whole passes', mark: 'line', points: counts.map((x) => ({ x, y: whole(x) })) },
      ],
    },
    {
      kind: 'chart',
      id: 'cost-selectors',
      title: 'Work of a layer by selectors',
      caption: `With ${tasks} tasks: where the lines cross, a pass of its own for each task costs no more.`,
      x: { title: 'Selectors of a task', unit: '', scale: 'linear' },
      y: { title: 'Multiply-adds', unit: '', scale: 'linear' },
      series: [
        { title: 'pathways', mark: 'line', points: sizes.map((x) => ({ x, y: lanes(tasks, x) })) },
        { title: 'whole passes', mark: 'line', points: sizes.map((x) => ({ x, y: whole(tasks) })) },
      ],
    },
  ];
}
