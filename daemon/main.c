/* jobschedd: options, and the ordered list of what is set up and torn down. */
int main(void)
{
        return 0;
}
