/** What the editor of a cache plan makes of it first: its words, its map, its sections, its other forms, a budget, its text. */
import assert from 'node:assert/strict';
import { planDescription, planDetails, planLines } from '../../../extension/results/plan-words';
import { planFormats } from '../../../protocol/plans/formats/formats';
import { parsePlan, planText, type Plan } from '../../../protocol/plans/plan-file';
import { drawMap } from '../../../webviews/panels/plan/map-picture';
import { finding } from '../../../webviews/panels/plan/finding';
import { planSections } from '../../../webviews/panels/plan/sections';
import { budgeted, firstState, received } from '../../../webviews/panels/plan/state';
import { firstOfSections } from './analysis';
import type { Theme } from '../../../webviews/ui/theme';

const theme = { dark: true, fontSize: 13, font: 'sans-serif', background: '#000', muted: '#888' } as Theme;

export function firstOfPlan(plan: Plan): unknown {
  const state = received(firstState, { kind: 'open', name: 'plan', result: plan, formats: [], canRun: true });
  const written = parsePlan(planText(plan));
  assert.ok(written.ok);
  assert.deepEqual(written.result, plan);
  return [
    planDescription(plan),
    planDetails(plan),
    planLines(plan),
    finding(state, plan),
    drawMap({ heads: plan.heads, marked: new Set() }, 600, theme).marks.length,
    firstOfSections(planSections(plan, plan.heads, 8192)),
    budgeted(state, 0.3)?.length,
    planFormats.map((format) => format.export?.(plan).ok),
  ];
}
