import { describeModel } from '../../models/formats/describe-model';
import type { ReadOnnx } from '../../models/formats/onnx/read-onnx';
import type { CheckSettings } from './check';
import { partsOf } from './parts';
import type { Finding, Severity } from './finding';
import type { FolderFacts } from './folder-facts';
import { graphContradictions } from './graph-facts';

/** Findings about an .onnx file itself; it has no text, so no position either. */
export type GraphFinding = Pick<Finding, 'code' | 'severity' | 'message'>;

/** The faults of a graph, alone and held against the config of its folder. */
export const graphFindings = (
  graph: ReadOnnx,
  facts: FolderFacts,
  settings: CheckSettings,
): readonly GraphFinding[] => {
  const report = (code: string, proper: Severity, message: string): GraphFinding[] => {
    const severity = settings.severity[code] ?? proper;
    return severity === 'off' ? [] : [{ code, severity, message }];
  };
  if (!graph.ok) return report('graph-unreadable', 'error', `${graph.message} Download or export it again.`);
  const config = facts.companions['config.json'];
  const description = config === undefined ? undefined : describeModel(config, settings.families);
  if (description === undefined) return [];
  const known = partsOf(config, description, settings.families)[0]?.familiarity !== 'foreign';
  return graphContradictions(graph.onnx, description).flatMap(({ words, graph: here, config: there }) =>
    report(
      'graph-contradicts-config',
      known ? 'error' : 'information',
      `The graph has ${here} ${words}, and config.json gives ${there}. Graph and config are not of one model.`,
    ),
  );
};
