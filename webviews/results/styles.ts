import { css } from 'lit';

/** The toolkit takes VS Code's colours when a page loads, and this page has loaded long before. */
export const toolkitStyles = css`
  :host {
    --focus-border: var(--vscode-focusBorder);
    --font-family: var(--vscode-font-family);
    --foreground: var(--vscode-foreground);
    --button-border: var(--vscode-button-border);
    --button-primary-background: var(--vscode-button-background);
    --button-primary-foreground: var(--vscode-button-foreground);
    --button-primary-hover-background: var(--vscode-button-hoverBackground);
    --button-secondary-background: var(--vscode-button-secondaryBackground);
    --button-secondary-foreground: var(--vscode-button-secondaryForeground);
    --button-secondary-hover-background: var(--vscode-button-secondaryHoverBackground);
    --checkbox-background: var(--vscode-checkbox-background);
    --checkbox-border: var(--vscode-checkbox-border);
    --checkbox-foreground: var(--vscode-checkbox-foreground);
    --list-active-selection-background: var(--vscode-list-activeSelectionBackground);
    --list-active-selection-foreground: var(--vscode-list-activeSelectionForeground);
    --list-hover-background: var(--vscode-list-hoverBackground);
    --dropdown-background: var(--vscode-dropdown-background);
    --dropdown-border: var(--vscode-dropdown-border);
    --dropdown-foreground: var(--vscode-dropdown-foreground);
    --input-background: var(--vscode-input-background);
    --input-foreground: var(--vscode-input-foreground);
    --input-placeholder-foreground: var(--vscode-input-placeholderForeground);
  }
`;

export const notebookStyles = css`
  .notebook {
    max-width: 960px;
    padding: 4px 8px 12px;
  }
  .notebook > h1,
  .notebook > .made {
    overflow-wrap: anywhere;
  }
  .notebook > .results {
    margin: 12px 0;
  }
  .notebook > .made {
    margin: 4px 0;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
  }
  .notebook > .result-section {
    margin-top: 16px;
  }
  [role='alert'] {
    margin: 4px 8px;
    color: var(--vscode-errorForeground);
  }
`;
