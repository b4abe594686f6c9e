drop publication everything;
