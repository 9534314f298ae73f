/** What a device needs here, as a page of Markdown. */
import { setupVerdict, type SetupReport } from '../../protocol/compute/setup';

export function setupPage(report: SetupReport): string {
  const { found, needs, parts, runtime } = report;
  const rows = parts.map(
    ({ title, libraries, missing }) =>
      `| ${title} | ${missing.length === 0 ? 'found' : 'missing'} | ${(missing.length === 0 ? libraries : missing).map((name) => `\`${name}\``).join(', ')} |`,
  );
  const steps = parts.flatMap(({ title, missing, next }) => (missing.length > 0 ? [`- ${title}: ${next}`] : []));
  return [
    `# Set up ${found.name}`,
    setupVerdict(report),
    needs,
    ...(rows.length > 0 ? [['| part | state | libraries |', '| --- | --- | --- |', ...rows].join('\n')] : []),
    ...(steps.length > 0 ? [['Next:', '', ...steps].join('\n')] : []),
    `onnxruntime is loaded from \`${runtime}\`. Headscope fetches nothing.`,
    '',
  ].join('\n\n');
}
