/**
 * Every command, typed once: its title and what it needs. package.json repeats ids and titles; a unit test compares
 * both ways, and `extension/commands` registers exactly this table.
 */

interface Command {
  readonly title: string;
  /** A codicon. */
  readonly icon?: string;
  /** `trust`: does something only in a trusted workspace. All commands answer while the compute server is down. */
  readonly needs?: 'trust';
  /** Offered in menus of an item only, not in the command palette. */
  readonly itemOnly?: true;
}

export const commands = {
  'headscope.benchmarkKernels': { title: 'Benchmark Attention Kernels', icon: 'graph-line' },
  'headscope.benchmarkConfig': { title: 'Benchmark the Attention of This Config', icon: 'graph-line', needs: 'trust' },
  'headscope.cancelBenchmark': { title: 'Cancel the Benchmark', icon: 'stop-circle' },
  'headscope.showHeads': { title: 'Show Head Patterns', icon: 'eye', needs: 'trust' },
  'headscope.cancelHeads': { title: 'Cancel the Run of the Model', icon: 'stop-circle' },
  'headscope.compareHeads': { title: 'Compare Heads of Two Results…', icon: 'diff' },
  'headscope.exportHeadLabels': { title: 'Export Labels of the Heads…', icon: 'export' },
  'headscope.showHallucination': { title: 'Show Hallucination Heads', icon: 'file-media', needs: 'trust' },
  'headscope.cancelHallucination': { title: 'Cancel the Run on Pictures', icon: 'stop-circle' },
  'headscope.restartCompute': { title: 'Restart Compute Server', icon: 'debug-restart', needs: 'trust' },
  'headscope.restartLanguageServer': { title: 'Restart Language Server', icon: 'debug-restart' },
  'headscope.showLog': { title: 'Show Log', icon: 'output' },
  'headscope.showStatus': { title: 'Show Status' },
  'headscope.openWalkthrough': { title: 'Open Walkthrough', icon: 'book' },
  'headscope.openExample': { title: 'Open the Example Workspace', icon: 'folder-opened' },
  'headscope.setRuleSeverity': { title: 'Set the Severity of a Rule', icon: 'settings-gear' },
  'headscope.models.refresh': { title: 'Look for Models Again', icon: 'refresh' },
  'headscope.models.addFolder': { title: 'Add a Folder of Models…', icon: 'folder-opened' },
  'headscope.models.openFolder': { title: 'Open Folder of This Model', icon: 'folder', itemOnly: true },
  'headscope.showModel': { title: 'Show This Model', icon: 'type-hierarchy-sub' },
  'headscope.compareModels': { title: 'Compare Two Models…', icon: 'diff' },
  'headscope.devices.refresh': { title: 'Test the Devices Again', icon: 'refresh', needs: 'trust' },
  'headscope.devices.use': { title: 'Use This Device', icon: 'check', itemOnly: true },
  'headscope.devices.copy': { title: 'Copy What Is Known of This Device', icon: 'copy', itemOnly: true },
  'headscope.results.refresh': { title: 'Look for Results Again', icon: 'refresh' },
  'headscope.results.open': { title: 'Open', icon: 'graph-line', itemOnly: true },
  'headscope.results.openText': { title: 'Open as Text', icon: 'json', itemOnly: true },
  'headscope.results.compare': { title: 'Compare Two Results…', icon: 'diff' },
  'headscope.results.rename': { title: 'Rename…', icon: 'edit', itemOnly: true },
  'headscope.results.delete': { title: 'Delete…', icon: 'trash', itemOnly: true },
  'headscope.results.copyToWorkspace': { title: 'Copy to the Workspace', icon: 'save-as', itemOnly: true },
} as const satisfies Record<`headscope.${string}`, Command>;

export type CommandId = keyof typeof commands;
