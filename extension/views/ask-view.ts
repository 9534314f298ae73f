/** The Ask tree: what people want to know first, then all analyses by group, each with the runs of it that were saved. */
import * as vscode from 'vscode';
import { analysisGroups, groupTitles, type AnalysisInfo } from '../../protocol/analysis/analysis';
import { firstQuestions } from '../../protocol/analysis/questions';
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

export class AskView extends LineTree {
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
      const questions = firstQuestions.flatMap(({ question, analyses }): AnalysisNode[] => {
        const first = analyses.map((id) => this.catalogue.of(id)).find((one) => one !== undefined);
        return first === undefined ? [] : [questionNode(question, first)];
      });
      const groups = analysisGroups.flatMap((group): Node[] => {
        const some = list.filter((analysis) => analysis.group === group);
        if (some.length === 0) return [];
        const nodes = some.map((analysis) =>
          analysisNode(
            analysis,
            saved.filter((one) => one.saved.analysis === analysis.id),
          ),
        );
        const hasRuns = nodes.some(({ expanded }) => expanded === true);
        return [
          {
            line: {
              id: hasRuns ? `group ${group} with runs` : `group ${group}`,
              label: groupTitles[group],
              description: counted(some.length),
            },
            expanded: hasRuns,
            children: () => Promise.resolve(nodes),
          },
        ];
      });
      return [...questions, ...groups];
    } catch (error) {
      return [failureNode(error)];
    }
  }
}

const counted = (analyses: number): string => (analyses === 1 ? '1 analysis' : `${analyses} analyses`);

const questionNode = (question: string, { id, title, question: own }: AnalysisInfo): AnalysisNode => ({
  analysis: id,
  line: {
    id: `question ${question}`,
    label: question,
    description: title,
    tooltip: [question, title, own],
    icon: 'question',
  },
  contextValue: items.analysis,
  command: { command: 'headscope.runAnalysis', title: 'Ask', arguments: [{ analysis: id }] },
});

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
    command: { command: 'headscope.runAnalysis', title: 'Ask', arguments: [{ analysis: id }] },
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
