/** The Analyses tree: groups, each analysis with its question, and under it the runs that were saved. */
import * as vscode from 'vscode';
import { analysisGroups, groupTitles, type AnalysisInfo } from '../../protocol/analysis/analysis';
import { items, views } from '../../protocol/contributions/views';
import type { AnalysisCatalogue } from '../platform/analysis-catalogue';
import type { ReadResult } from '../results/result-kinds';
import { resultKinds } from '../results/result-kinds';
import type { ResultLibrary } from '../results/result-library';
import { listedName } from '../results/result-words';
import { failureNode, LineTree, type Node } from './tree';

/** What a row of an analysis hands to its command. */
interface AnalysisNode extends Node {
  readonly analysis: string;
}

export class AnalysesView extends LineTree {
  private readonly catalogue: AnalysisCatalogue;
  private readonly library: ResultLibrary;

  constructor(catalogue: AnalysisCatalogue, library: ResultLibrary) {
    super('analyses');
    this.catalogue = catalogue;
    this.library = library;
    this.own(library.onChange(() => this.refresh()));
    this.own(vscode.window.createTreeView(views.analyses, { treeDataProvider: this, showCollapseAll: true }));
  }

  protected override async roots(): Promise<readonly Node[]> {
    try {
      const { list } = this.catalogue;
      const saved = await this.library.readable('analysis');
      return analysisGroups.flatMap((group): Node[] => {
        const some = list.filter((analysis) => analysis.group === group);
        if (some.length === 0) return [];
        const nodes = some.map((analysis) =>
          analysisNode(
            analysis,
            saved.filter((one) => one.saved.analysis === analysis.id),
          ),
        );
        return [
          {
            line: { id: `group ${group}`, label: groupTitles[group] },
            expanded: true,
            children: () => Promise.resolve(nodes),
          },
        ];
      });
    } catch (error) {
      return [failureNode(error)];
    }
  }
}

function analysisNode(
  { id, title, question, source }: AnalysisInfo,
  runs: readonly ReadResult<'analysis'>[],
): AnalysisNode {
  return {
    analysis: id,
    line: {
      // Another id with runs: VS Code expands by itself only a row that is new to it.
      id: runs.length === 0 ? `analysis ${id}` : `analysis ${id} with runs`,
      label: title,
      description: question,
      tooltip: [title, question, source.reference, ...(source.note === undefined ? [] : [source.note])],
      icon: 'beaker',
    },
    contextValue: items.analysis,
    command: { command: 'headscope.runAnalysis', title: 'Open', arguments: [{ analysis: id }] },
    // What was found shows without a click.
    ...(runs.length === 0 ? {} : { expanded: true, children: () => Promise.resolve(runs.map(runNode)) }),
  };
}

const runNode = ({ uri, name, saved, listing }: ReadResult<'analysis'>): Node => ({
  line: {
    id: `run ${uri.toString()}`,
    label: saved.finding,
    description: `${saved.model.name}, ${listedName(saved.created, '')}`,
    tooltip: [name, ...listing.details],
    icon: 'note',
  },
  resource: uri,
  command: { command: 'vscode.openWith', title: 'Open', arguments: [uri, resultKinds.analysis.viewType] },
});
