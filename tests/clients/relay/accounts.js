// What a frontend would ask of accounts, as relay-compiler reads it.
import { graphql } from "relay-runtime";

export const query = graphql`
  query accountsQuery($of: String!, $first: Int!, $after: String) {
    ...accounts_list @arguments(of: $of, first: $first, after: $after)
  }
`;

export const list = graphql`
  fragment accounts_list on Query
  @argumentDefinitions(of: { type: "String!" }, first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "accountsPageQuery") {
    accounts(first: $first, after: $after, filter: { name: { contains: $of } }, orderBy: [{ field: NAME }])
      @connection(key: "accounts_list_accounts", filters: ["filter"]) {
      edges {
        node {
          id
          ...accounts_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment accounts_row on Account @refetchable(queryName: "accountsRowQuery") {
    name
    version
    lifecycle
    createdAt
    customFields
    revenue {
      amount
      currency
    }
    owner {
      name
    }
  }
`;

export const register = graphql`
  mutation accountsRegisterMutation($input: RegisterAccountInput!, $connections: [ID!]!) {
    registerAccount(input: $input) {
      account @appendNode(connections: $connections, edgeTypeName: "AccountEdge") {
        id
        ...accounts_row
      }
      position
      userErrors {
        field
        code
      }
    }
  }
`;

export const rename = graphql`
  mutation accountsRenameMutation($input: RenameAccountInput!) {
    renameAccount(input: $input) {
      account {
        ...accounts_row
      }
      userErrors {
        code
        version
      }
    }
  }
`;

export const follow = graphql`
  subscription accountsFollowSubscription($after: Position!, $of: [ID!]) {
    events(after: $after, of: $of) {
      position
      kind
      node {
        id
        ...accounts_row @alias(as: "account")
      }
    }
  }
`;
